// Hold model on ns-3's simulator with one of its schedulers: every event schedules the next one.
#include <ns3/core-module.h>

#include <string>

#include "hold.h"

static hold::Meter* meter;

static void Tick(uint32_t id) {
  if (meter->count()) {
    ns3::Simulator::Stop();
    return;
  }
  ns3::Simulator::Schedule(ns3::NanoSeconds(int64_t(meter->next())), &Tick, id);
}

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  hold::Meter own(argc, argv, 2);
  meter = &own;
  ns3::ObjectFactory scheduler;
  scheduler.SetTypeId(std::string("ns3::") + argv[1]);
  ns3::Simulator::SetScheduler(scheduler);
  for (uint32_t id = 0; id < own.pending; ++id) {
    ns3::Simulator::Schedule(ns3::NanoSeconds(int64_t(own.next())), &Tick, id);
  }
  ns3::Simulator::Run();
  ns3::Simulator::Destroy();
}

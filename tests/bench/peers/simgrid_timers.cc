// Hold model on SimGrid's timers: every expiry sets the next one.
#include <simgrid/kernel/Timer.hpp>
#include <simgrid/s4u.hpp>

#include <functional>
#include <unistd.h>

#include "hold.h"

using simgrid::kernel::timer::Timer;
namespace s4u = simgrid::s4u;

int main(int argc, char** argv) {
  s4u::Engine engine(&argc, argv);
  hold::Meter meter(argc, argv, 1);
  // Timers run while an actor lives.
  auto* zone = s4u::create_full_zone("zone");
  auto* host = zone->create_host("host", 1e9);
  zone->seal();
  s4u::Actor::create("keeper", host, [] { s4u::this_actor::sleep_for(1e18); });
  const double second = 1e-9;
  std::function<void()> expire = [&meter, &expire, second] {
    if (meter.count()) {
      std::fflush(stdout);
      _exit(0);
    }
    Timer::set(s4u::Engine::get_clock() + meter.next() * second, std::function<void()>(expire));
  };
  for (uint64_t id = 0; id < meter.pending; ++id) {
    Timer::set(meter.next() * second, std::function<void()>(expire));
  }
  engine.run();
}

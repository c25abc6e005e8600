// Hold model on std::priority_queue, ordered by (time, sequence): a bare queue in C++.
#include <queue>

#include "hold.h"

struct Event {
  uint64_t time, sequence;
  uint32_t id;
};

struct Later {
  bool operator()(const Event& x, const Event& y) const {
    return x.time != y.time ? x.time > y.time : x.sequence > y.sequence;
  }
};

int main(int argc, char** argv) {
  hold::Meter meter(argc, argv, 1);
  std::priority_queue<Event, std::vector<Event>, Later> queue;
  uint64_t sequence = 0;
  for (uint32_t id = 0; id < meter.pending; ++id) {
    queue.push({uint64_t(meter.next()), sequence++, id});
  }
  do {
    const Event event = queue.top();
    queue.pop();
    queue.push({event.time + uint64_t(meter.next()), sequence++, event.id});
  } while (!meter.count());
}

// SPDX-License-Identifier: Apache-2.0
#include "cli/stop_request.hpp"

#include "cli/exit_code.hpp"

namespace weft::cli {

StopRequest::StopRequest(Context& context) : context_(context) {
  context_.interrupts.watch([this](int signal, int count) { on_signal(signal, count); });
}

int StopRequest::wait() {
  first_.acquire();
  return signal_.load();
}

void StopRequest::begin_call(Host& host) {
  host_.store(&host);
  stage_.store(Stage::calling);
}

int StopRequest::finish() {
  context_.interrupts.unwatch();
  return signal_.load();
}

void StopRequest::on_signal(int signal, int count) {
  const Stage stage = stage_.load();
  if (count > 1 || stage == Stage::loading) {
    context_.exit_now(kExitSignal + signal);
    return;
  }
  signal_.store(signal);
  if (stage == Stage::serving) {
    first_.release();
  } else {
    host_.load()->stop();
  }
}

}  // namespace weft::cli

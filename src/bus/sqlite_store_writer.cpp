// SPDX-License-Identifier: Apache-2.0
// sqlite_store_writer FILE FIRST: puts numbers from FIRST on into the bucket "kill" of FILE, many at once, and writes a
// line "key number" to standard output for each that was acknowledged. Runs until it is killed, which is its purpose.
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

#include "async/shard_call.hpp"
#include "async/task_scope.hpp"
#include "bus/sqlite_store.hpp"

namespace {

using namespace weft;

std::atomic<std::uint64_t> next_number;

async::Task<void> write_for_ever(std::shared_ptr<bus::KeyValue> bucket, int writer) {
  const std::string key = "key." + std::to_string(writer);
  while (true) {
    const std::string number = std::to_string(next_number++);
    // Long enough that values span pages now and then.
    const std::string padding(next_number % 37 == 0 ? 9000 : 40, 'x');
    WEFT_CO_CHECK(co_await bucket->put(key, fmt::format("{} {}", number, padding)));
    const std::string line = fmt::format("{} {}\n", key, number);
    if (::write(STDOUT_FILENO, line.data(), line.size()) != static_cast<ssize_t>(line.size())) std::_Exit(3);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  next_number = std::strtoull(argv[2], nullptr, 10);
  async::Shard shard(0);
  shard.start();
  auto store = bus::SqliteStore::open(argv[1]);
  if (!store) {
    static_cast<void>(std::fprintf(stderr, "%s\n", store.error().to_string().c_str()));
    return 1;
  }
  auto bucket = async::run_on_shard_and_wait(shard, (*store)->open_bucket("kill"));
  if (!bucket) return 1;
  async::TaskScope scope(shard);
  for (int writer = 0; writer < 16; ++writer) scope.spawn("writer", write_for_ever(*bucket, writer));
  while (true) ::pause();
}

// SPDX-License-Identifier: Apache-2.0
#include "bus/nats_handles.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <string_view>
#include <utility>

#include "bus/nats_bin.hpp"
#include "bus/nats_headers.hpp"

namespace weft::bus {
namespace {

struct FreeMemory {
  void operator()(const char** names) const noexcept {
    std::free(static_cast<void*>(names));  // NOLINT(cppcoreguidelines-no-malloc): nats.c says so
  }
};
using Names = std::unique_ptr<const char*, FreeMemory>;

constexpr std::ptrdiff_t kSmallestBlock = 13;                       // "NATS/1.0", two line ends and a zero
constexpr std::ptrdiff_t kLargestBlock = std::ptrdiff_t{64} << 20;  // the most a server can be told to take

// What is not listed is about a connection that is not there or went bad.
constexpr std::array kCodes{
    std::pair{NATS_CONNECTION_AUTH_FAILED, Errc::permission_denied},
    std::pair{NATS_NOT_PERMITTED, Errc::permission_denied},
    std::pair{NATS_MAX_PAYLOAD, Errc::resource_exhausted},
    std::pair{NATS_NO_MEMORY, Errc::resource_exhausted},
    std::pair{NATS_INVALID_SUBJECT, Errc::invalid_argument},
    std::pair{NATS_INVALID_QUEUE_NAME, Errc::invalid_argument},
    std::pair{NATS_INVALID_ARG, Errc::invalid_argument},
    std::pair{NATS_ADDRESS_MISSING, Errc::invalid_argument},
    std::pair{NATS_TIMEOUT, Errc::deadline_exceeded},
};

Errc to_errc(natsStatus status) {
  const auto* const found = std::ranges::find(kCodes, status, &std::pair<natsStatus, Errc>::first);
  return found == kCodes.end() ? Errc::unavailable : found->second;
}

bool is_one_line(std::string_view text) { return text.find_first_of(std::string_view("\r\n\0", 3)) == text.npos; }

// As RFC 822 has it, which is what servers accept: visible characters but the colon.
bool is_header_name(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) { return c > ' ' && c < 127 && c != ':'; });
}

void copy_values(natsMsg* message, const char* name, std::vector<MessageHeader>& headers) {
  const char** values = nullptr;
  int count = 0;
  if (natsMsgHeader_Values(message, name, &values, &count) != NATS_OK) {
    return;
  }
  const Names owner(values);
  for (int i = 0; i < count; ++i) {
    headers.push_back({.name = name, .value = values[i]});
  }
}

// What nats.c's own reader makes of them, by name: it has them in a hash table.
std::vector<MessageHeader> copy_headers(natsMsg* message) {
  std::vector<MessageHeader> headers;
  const char** names = nullptr;
  int count = 0;
  if (natsMsgHeader_Keys(message, &names, &count) != NATS_OK) {
    return headers;
  }
  const Names owner(names);
  std::sort(names, names + count, [](const char* a, const char* b) { return std::string_view(a) < b; });
  for (int i = 0; i < count; ++i) {
    copy_values(message, names[i], headers);
  }
  return headers;
}

// The bytes of the header block. nats.c lends them to nobody, but lays a received message out as subject, reply,
// headers, payload, each but the last with a zero behind it (3.4.1 to 3.14; src/msg.c, natsMsg_create). Whatever does
// not look like that is no block.
std::string_view find_header_block(natsMsg* message) {
  const char* const reply = natsMsg_GetReply(message);
  const char* const before = reply != nullptr ? reply : natsMsg_GetSubject(message);
  const char* const data = natsMsg_GetData(message);
  const char* const begin = before + std::strlen(before) + 1;
  if (data == nullptr || std::less<>{}(data, begin) || data - begin < kSmallestBlock || data - begin > kLargestBlock) {
    return {};
  }
  return {begin, static_cast<std::size_t>(data - begin - 1)};
}

std::vector<MessageHeader> read_headers(natsMsg* message) {
  const auto block = find_header_block(message);
  if (block.empty()) {
    return {};
  }
  auto headers = parse_headers(block);
  return headers ? *std::move(headers) : copy_headers(message);
}

Result<int> payload_size(const Message& message) {
  if (message.payload.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    return Error(Errc::resource_exhausted, "the payload is larger than 2 GiB");
  }
  return static_cast<int>(message.payload.size());
}

}  // namespace

Error to_error(natsStatus status, std::string doing) {
  return {to_errc(status), fmt::format("cannot {}: {}", doing, natsStatus_GetText(status)), {}, Blame::environment};
}

Message to_message(natsMsg* message) {
  Message copy;
  copy.subject = natsMsg_GetSubject(message);
  if (const char* reply = natsMsg_GetReply(message); reply != nullptr) {
    copy.reply = reply;
  }
  if (const auto length = static_cast<std::size_t>(natsMsg_GetDataLength(message)); length > 0) {
    copy.payload.assign(natsMsg_GetData(message), length);
  }
  copy.headers = read_headers(message);
  return copy;
}

std::size_t size_of(natsMsg* message) noexcept {
  const char* const begin = natsMsg_GetSubject(message);
  const char* const data = natsMsg_GetData(message);
  const auto length = static_cast<std::size_t>(natsMsg_GetDataLength(message));
  // Laid out as find_header_block() says.
  return data == nullptr || std::less<>{}(data, begin) ? length : static_cast<std::size_t>(data - begin) + length;
}

Result<natsStatus> publish(natsConnection* connection, const Message& message, NatsBin& bin) {
  if (!message.headers.empty()) {
    WEFT_TRY(auto handle, to_nats(message));
    const auto status = natsConnection_PublishMsg(connection, handle.get());
    auto size = message.payload.size();
    for (const auto& [name, value] : message.headers) {
      size += name.size() + value.size();
    }
    bin.put(std::move(handle), size);
    return status;
  }
  WEFT_TRY(const int size, payload_size(message));
  const auto* const subject = message.subject.c_str();
  return message.reply.empty()
             ? natsConnection_Publish(connection, subject, message.payload.data(), size)
             : natsConnection_PublishRequest(connection, subject, message.reply.c_str(), message.payload.data(), size);
}

Result<MessageHandle> to_nats(const Message& message) {
  WEFT_TRY(const int size, payload_size(message));
  natsMsg* made = nullptr;
  const auto status =
      natsMsg_Create(&made, message.subject.c_str(), message.reply.empty() ? nullptr : message.reply.c_str(),
                     message.payload.data(), size);
  if (status != NATS_OK) {
    return to_error(status, "make a message for " + message.subject);
  }
  auto handle = MessageHandle::adopt(made);
  for (const auto& [name, value] : message.headers) {
    if (!is_header_name(name) || !is_one_line(value)) {
      return Error(Errc::invalid_argument, fmt::format("`{}` is no header of one line", name),
                   "names are visible characters without ':', values have no line ends", Blame::host);
    }
    if (const auto added = natsMsgHeader_Add(made, name.c_str(), value.c_str()); added != NATS_OK) {
      return to_error(added, "add a header to a message for " + message.subject);
    }
  }
  return handle;
}

Result<std::string> make_unique_name() {
  natsInbox* inbox = nullptr;
  if (const auto status = natsInbox_Create(&inbox); status != NATS_OK) {
    return to_error(status, "make an inbox");
  }
  const std::string name(inbox);
  natsInbox_Destroy(inbox);
  return name.substr(name.rfind('.') + 1);
}

}  // namespace weft::bus

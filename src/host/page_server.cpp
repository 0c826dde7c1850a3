// SPDX-License-Identifier: Apache-2.0
#include "host/page_server.hpp"

#include <array>
#include <string_view>

namespace weft::host {
namespace {

constexpr std::chrono::milliseconds kCloseGrace{500};

web::ServerLimits limits() {
  return {.max_header_bytes = std::size_t{16} << 10,
          .max_body_bytes = std::uint64_t{64} << 10,
          .max_connections = 64,
          .max_requests_in_flight = 64,
          .request_timeout = std::chrono::seconds(10)};
}

void respond(web::Exchange& exchange, const Page& page) {
  std::vector<web::Header> headers{{"content-type", page.content_type}};
  if (page.status == 405) {
    headers.push_back({"allow", "GET, HEAD"});
  }
  exchange.respond(page.status, headers, page.body);
}

class PageResponder final : public web::BodilessResponder {
 public:
  PageResponder(web::Exchange& exchange, async::Shard& control, PageSource source)
      : exchange_(exchange), control_(control), source_(std::move(source)) {}
  ~PageResponder() override { *place_ = nullptr; }
  PageResponder(const PageResponder&) = delete;
  PageResponder& operator=(const PageResponder&) = delete;

  void start() override {
    if (source_.where == PageSource::Where::request) {
      return respond(exchange_, source_.make());
    }
    control_.post([make = source_.make, place = place_, &shard = exchange_.shard()]() noexcept {
      shard.post([page = make(), place]() noexcept {
        if (*place != nullptr) {
          respond((*place)->exchange_, page);
        }
      });
    });
  }

 private:
  web::Exchange& exchange_;
  async::Shard& control_;
  PageSource source_;
  /// Where this is, for the page on its way back; null once it is gone. Touched on its shard.
  std::shared_ptr<PageResponder*> place_ = std::make_shared<PageResponder*>(this);
};

PageSource fixed(unsigned status, std::string_view text) {
  return {.make = [status, text] { return Page{status, "text/plain; charset=utf-8", std::string(text)}; },
          .where = PageSource::Where::request};
}

}  // namespace

class PageServer::Handler final : public web::Handler {
 public:
  Handler(async::Shard& control, Pages pages) : control_(control), pages_(std::move(pages)) {}

  std::unique_ptr<web::Responder> on_request(web::Exchange& exchange) override {
    return std::make_unique<PageResponder>(exchange, control_, find(exchange.request()));
  }

 private:
  [[nodiscard]] PageSource find(const web::RequestHead& request) const {
    const auto page = pages_.find(request.path_and_query.substr(0, request.path_and_query.find('?')));
    if (page == pages_.end()) {
      return fixed(404, "there is no such page\n");
    }
    if (request.method != "GET" && request.method != "HEAD") {
      return fixed(405, "only GET and HEAD are allowed here\n");
    }
    return page->second;
  }

  async::Shard& control_;
  Pages pages_;
};

PageServer::PageServer(async::Shard& control, async::ShardPool& shards, async::BlockingPool& pool)
    : control_(control), shards_(shards), pool_(pool) {}

PageServer::~PageServer() = default;

void PageServer::add(const std::string& address, Pages pages) { wanted_[address].merge(pages); }

async::Task<void> PageServer::open() {
  // What a start that failed half-way has left.
  WEFT_CO_CHECK(co_await close());
  for (const auto& [address, pages] : wanted_) {
    auto handler = std::make_unique<Handler>(control_, pages);
    const auto create = [&shards = shards_, answering = handler.get(), where = address] {
      return web::Server::create(shards, *answering, {.address = where, .limits = limits(), .access_log = {}});
    };
    WEFT_CO_TRY(auto server, co_await pool_.run(create));
    open_[address] = {std::move(handler), std::move(server)};
  }
  co_return Result<void>();
}

async::Task<void> PageServer::close() {
  while (!open_.empty()) {
    const auto close = [site = std::make_shared<Site>(std::move(open_.begin()->second))]() -> Result<void> {
      site->server->close(kCloseGrace);
      site->server.reset();
      return {};
    };
    open_.erase(open_.begin());
    WEFT_CO_CHECK(co_await pool_.run(close));
  }
  co_return Result<void>();
}

std::string PageServer::address_of(const std::string& address) const {
  const auto found = open_.find(address);
  return found == open_.end() ? std::string() : found->second.server->address();
}

}  // namespace weft::host

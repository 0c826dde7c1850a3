// SPDX-License-Identifier: Apache-2.0
/// weft's own questions to a host, on "weft.ctl.{lattice}.{host}.{question}": what runs, how it is, and calls. Each
/// answer is JSON; the table in questions.cpp says which questions there are, docs/metrics.md what they answer.
///
/// Ownership: by the node, whose parts it borrows. Threads: the control shard. Errors: not_found (no such question,
/// component or operation), malformed (a body), permission_denied (spy, unless the host allows it), resource_exhausted
/// (an answer that no message may carry), and those of a call.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "async/task.hpp"
#include "host/node_view.hpp"
#include "host/question_body.hpp"

namespace weft::host {

class Questions {
 public:
  explicit Questions(const NodeView& node) : node_(node) {}

  async::Task<std::string> ask(std::string question, std::string body);
  /// Of who has opened this host's own socket, and so may do more.
  async::Task<std::string> ask_locally(std::string question, std::string body);

 private:
  struct Entry;
  static const Entry kTable[];
  struct Callee {
    std::shared_ptr<dispatch::Target> target;
    std::shared_ptr<const guest::LoadedComponent> code;  ///< whose types the values have
    std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
  };

  async::Task<Callee> find_callee(CallQuestion question);

  async::Task<std::string> status(std::string body);
  async::Task<std::string> components(std::string body);
  async::Task<std::string> component_config(std::string body);
  async::Task<std::string> providers(std::string body);
  async::Task<std::string> configs(std::string body);
  async::Task<std::string> call(std::string body);
  async::Task<std::string> logs(std::string body);
  async::Task<std::string> metrics(std::string body);
  async::Task<std::string> tree(std::string body);
  async::Task<std::string> operations(std::string body);
  async::Task<std::string> wait_for_operation(std::string body);
  async::Task<std::string> spy(std::string body);

  [[nodiscard]] std::size_t max_answer() const;

  NodeView node_;
  std::size_t next_shard_ = 0;  ///< for the next call
};

}  // namespace weft::host

// SPDX-License-Identifier: Apache-2.0
/// How a C++ callable becomes a function of an interface: its parameter types are decoded, its result is encoded. Used
/// through Builtin (weft/builtin.hpp).
///
///   [](std::string key) -> bool                                              answers at once
///   [](const CallInfo& call, std::string key) -> Result<std::optional<int>>  may fail, knows its caller
///   [](const CallInfo& call, Reply<bool> reply, std::string key)             answers later
#pragma once

#include <weft/call_info.hpp>
#include <weft/reply.hpp>
#include <weft/result.hpp>
#include <weft/stream.hpp>
#include <weft/value.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace weft::detail {

using InlineFunction =
    std::move_only_function<Result<void>(const CallInfo& call, ValueReader& params, ValueWriter& results) const>;
/// `streams` are those among the parameters, and are taken. An error: the parameters did not decode, and the channel
/// has not been touched.
using ReplyFunction =
    std::move_only_function<Result<void>(const CallInfo& call, ValueReader& params, std::span<NamedChannelIn> streams,
                                         const std::shared_ptr<ReplyChannel>& channel) const>;

/// One function of a builtin; which of the two is set follows from `kind`.
struct BuiltinFunction {
  enum class Kind : std::uint8_t { answers, replies, blocks };
  Kind kind = Kind::answers;
  InlineFunction answer;                      ///< answers, blocks
  ReplyFunction reply;                        ///< replies
  std::vector<std::string> param_paths = {};  ///< of the streams among the parameters
};

template <class... T>
struct Types {};

template <class F>
struct SignatureOf : SignatureOf<decltype(&F::operator())> {};
template <class R, class... A>
struct SignatureOf<R (*)(A...)> {
  using Return = R;
  using Parameters = Types<A...>;
};
template <class R, class... A>
struct SignatureOf<R (*)(A...) noexcept> : SignatureOf<R (*)(A...)> {};
template <class C, class R, class... A>
struct SignatureOf<R (C::*)(A...) const> : SignatureOf<R (*)(A...)> {};
template <class C, class R, class... A>
struct SignatureOf<R (C::*)(A...) const noexcept> : SignatureOf<R (*)(A...)> {};
template <class C, class R, class... A>
struct SignatureOf<R (C::*)(A...)> {
  static_assert(sizeof(C) == 0, "a function is called from every shard at once: a mutable lambda cannot be one");
};

template <class List>
struct TakeInfo {
  static constexpr bool kTaken = false;
  using Rest = List;
};
template <class... A>
struct TakeInfo<Types<const CallInfo&, A...>> {
  static constexpr bool kTaken = true;
  using Rest = Types<A...>;
};

template <class List>
struct TakeReply {
  static constexpr bool kTaken = false;
  using Rest = List;
};
template <class T, class... A>
struct TakeReply<Types<Reply<T>, A...>> {
  static constexpr bool kTaken = true;
  using Value = Reply<T>;
  using Rest = Types<A...>;
};

template <class List>
struct Decayed;
template <class... A>
struct Decayed<Types<A...>> {
  using Tuple = std::tuple<std::remove_cvref_t<A>...>;
};

template <class T>
struct IsResult : std::false_type {};
template <class T>
struct IsResult<Result<T>> : std::true_type {};

template <class F>
struct Shape {
  using Signature = SignatureOf<std::decay_t<F>>;
  using Info = TakeInfo<typename Signature::Parameters>;
  using Later = TakeReply<typename Info::Rest>;
  using Values = typename Decayed<typename Later::Rest>::Tuple;
  using Return = typename Signature::Return;
};

template <class F, class... Reply>
auto apply_function(const F& function, const CallInfo& call, typename Shape<F>::Values&& values, Reply&&... reply) {
  return std::apply(
      [&](auto&... value) {
        if constexpr (Shape<F>::Info::kTaken) {
          return function(call, std::forward<Reply>(reply)..., std::move(value)...);
        } else {
          return function(std::forward<Reply>(reply)..., std::move(value)...);
        }
      },
      values);
}

/// Gives the sources among `values` the channels that they read.
template <class Values>
void bind_streams(Values& values, std::span<NamedChannelIn> streams) {
  if constexpr (kHasAsyncParts<Values>) {
    AsyncParts<Values>::each(values, {}, [&streams](ByteSource& source, const std::string& path) {
      for (auto& stream : streams) {
        if (stream.path == path) source.bind(std::move(stream.channel));
      }
    });
  }
}

template <class F>
Result<void> answer_call(const F& function, const CallInfo& call, ValueReader& params, ValueWriter& results) {
  using Return = typename Shape<F>::Return;
  static_assert(!kHasAsyncParts<typename Shape<F>::Values> && !kHasAsyncParts<Return>,
                "a function with streams takes a Reply");
  typename Shape<F>::Values values{};
  if (!read_value(params, values)) return params.error().in("decode the parameters");
  if constexpr (std::is_void_v<Return>) {
    apply_function(function, call, std::move(values));
  } else if constexpr (IsResult<Return>::value) {
    auto outcome = apply_function(function, call, std::move(values));
    if (!outcome) return std::move(outcome).error();
    if constexpr (!std::is_void_v<typename Return::value_type>) write_value(results, *outcome);
  } else {
    write_value(results, apply_function(function, call, std::move(values)));
  }
  if (!results.ok()) return results.error().in("encode the result");
  return {};
}

template <class F>
BuiltinFunction make_answer(F function, BuiltinFunction::Kind kind) {
  return {.kind = kind,
          .answer = [function = std::move(function)](
                        const CallInfo& call, ValueReader& params,
                        ValueWriter& results) { return answer_call(function, call, params, results); },
          .reply = {}};
}

template <class F>
BuiltinFunction make_reply(F function) {
  static_assert(std::is_void_v<typename Shape<F>::Return>, "a function with a Reply returns nothing");
  using Values = typename Shape<F>::Values;
  std::vector<std::string> paths;
  if constexpr (kHasAsyncParts<Values>) {
    AsyncParts<Values>::each_path({}, [&paths](const std::string& path) { paths.push_back(path); });
  }
  return {.kind = BuiltinFunction::Kind::replies,
          .answer = {},
          .reply = [function = std::move(function)](const CallInfo& call, ValueReader& params,
                                                    std::span<NamedChannelIn> streams,
                                                    const std::shared_ptr<ReplyChannel>& channel) -> Result<void> {
            Values values{};
            if (!read_value(params, values)) return params.error().in("decode the parameters");
            bind_streams(values, streams);
            apply_function(function, call, std::move(values), typename Shape<F>::Later::Value(channel));
            return {};
          },
          .param_paths = std::move(paths)};
}

}  // namespace weft::detail

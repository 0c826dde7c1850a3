// SPDX-License-Identifier: Apache-2.0
/// For tests: what `promtool check metrics` asks of a page, and what a scraper does. Complaints, one a line; empty:
/// none.
#pragma once

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <functional>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace weft::host::test {

class MetricsCheck {
 public:
  static std::string complaints(const std::string& page) {
    MetricsCheck check;
    if (!page.empty() && page.back() != '\n') check.complain("the page", "does not end with a line feed");
    std::istringstream lines(page);
    for (std::string line; std::getline(lines, line);) check.take(line);
    check.finish();
    return check.complaints_;
  }

 private:
  struct Family {
    std::string type;
    bool has_help = false;
  };
  /// The buckets of one histogram, in their order on the page.
  struct Histogram {
    std::vector<double> bounds, counts;
    double count = -1;
    bool has_sum = false;
  };

  void complain(const std::string& about, const std::string& what) { complaints_ += about + ": " + what + "\n"; }

  void take(const std::string& line) {
    std::smatch match;
    static const std::regex help(R"(# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (\S.*))");
    static const std::regex type(R"(# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram|summary|untyped))");
    static const std::regex sample(R"(([a-zA-Z_:][a-zA-Z0-9_:]*)(\{.*\})? (\S+))");
    if (std::regex_match(line, match, help)) {
      begin(match[1]);
      if (families_[match[1]].has_help) complain(match[1], "has two HELP lines");
      families_[match[1]].has_help = true;
    } else if (std::regex_match(line, match, type)) {
      begin(match[1]);
      if (!families_[match[1]].type.empty()) complain(match[1], "has two TYPE lines");
      families_[match[1]].type = match[2];
    } else if (std::regex_match(line, match, sample)) {
      take_sample(match[1], match[2], match[3]);
    } else {
      complain(line, "is no line of the format");
    }
  }

  /// The lines of one family stand together.
  void begin(const std::string& name) {
    if (name != current_ && families_.contains(name)) complain(name, "comes in two places");
    current_ = name;
    families_[name];
  }

  void take_sample(const std::string& name, const std::string& labels, const std::string& value) {
    const auto& type = families_[current_].type;
    const auto suffix = name.starts_with(current_) ? name.substr(current_.size()) : "?";
    const bool is_histogram = type == "histogram";
    if (is_histogram ? suffix != "_bucket" && suffix != "_sum" && suffix != "_count" : !suffix.empty()) {
      complain(name, "stands under " + current_ + ", a " + type);
    }
    char* end = nullptr;
    const double number = std::strtod(value.c_str(), &end);
    if (*end != '\0') complain(name, "has no number: " + value);
    if (!samples_.insert(name + labels).second) complain(name + labels, "comes twice");
    auto pairs = parse(name, labels);
    if (is_histogram) take_part(name, suffix, pairs, number);
  }

  std::map<std::string, std::string> parse(const std::string& name, std::string labels) {
    std::map<std::string, std::string> pairs;
    if (labels.empty()) return pairs;
    static const std::regex pair(R"re(([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"(,|$))re");
    labels = labels.substr(1, labels.size() - 2);
    std::smatch match;
    while (!labels.empty()) {
      if (!std::regex_search(labels, match, pair, std::regex_constants::match_continuous)) {
        complain(name, "has labels that cannot be read: " + labels);
        return pairs;
      }
      if (!pairs.emplace(match[1], match[2]).second) complain(name, "has a label twice");
      if (match[1].str().starts_with("__")) complain(name, "has a reserved label");
      labels = match.suffix();
    }
    return pairs;
  }

  void take_part(const std::string& name, const std::string& suffix, std::map<std::string, std::string>& labels,
                 double number) {
    const auto bound = labels.contains("le") ? labels["le"] : "";
    labels.erase("le");
    std::string key = current_;
    for (const auto& [label, value] : labels) key += "\n" + label + "=" + value;
    auto& histogram = histograms_[key];
    if (suffix == "_bucket") {
      if (bound.empty()) complain(name, "has no le");
      histogram.bounds.push_back(std::strtod(bound.c_str(), nullptr));
      histogram.counts.push_back(number);
    } else if (suffix == "_count") {
      histogram.count = number;
    } else {
      histogram.has_sum = true;
    }
  }

  void finish() {
    for (const auto& [name, family] : families_) {
      if (!family.has_help) complain(name, "has no HELP");
      if (family.type.empty()) complain(name, "has no TYPE");
      if (family.type == "counter" && !name.ends_with("_total")) complain(name, "is a counter without _total");
      if (family.type != "counter" && name.ends_with("_total")) complain(name, "ends in _total and is no counter");
      for (const char* suffix : {"_bucket", "_count", "_sum"}) {
        if (name.ends_with(suffix)) complain(name, std::string("ends in ") + suffix);
      }
      for (const char* unit :
           {"milliseconds", "microseconds", "minutes", "kilobytes", "megabytes", "_ms", "_us", "_mb"}) {
        if (name.find(unit) != std::string::npos)
          complain(name, std::string("has a unit that is no base unit: ") + unit);
      }
      if (std::ranges::any_of(name, [](unsigned char c) { return std::isupper(c) != 0 || c == ':'; })) {
        complain(name, "has a capital or a colon");
      }
    }
    for (const auto& [name, histogram] : histograms_) check(name, histogram);
  }

  void check(const std::string& name, const Histogram& histogram) {
    if (std::ranges::adjacent_find(histogram.bounds, std::greater_equal<>()) != histogram.bounds.end())
      complain(name, "has bounds out of order");
    if (!std::ranges::is_sorted(histogram.counts)) complain(name, "is not cumulative");
    if (histogram.bounds.empty() || histogram.bounds.back() < 1e300) complain(name, "has no bucket +Inf");
    if (histogram.counts.empty() || histogram.counts.back() != histogram.count) complain(name, "has another _count");
    if (!histogram.has_sum) complain(name, "has no _sum");
  }

  std::string current_;
  std::map<std::string, Family> families_;
  std::map<std::string, Histogram> histograms_;
  std::set<std::string> samples_;
  std::string complaints_;
};

/// The value of one sample, "name{labels}" as on the page; -1 if it is not there.
inline double sample(const std::string& page, const std::string& name) {
  const auto at = ("\n" + page).find("\n" + name + " ");
  return at == std::string::npos ? -1 : std::strtod(page.c_str() + at + name.size(), nullptr);
}

}  // namespace weft::host::test

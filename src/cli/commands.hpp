// SPDX-License-Identifier: Apache-2.0
/// Every command of weft, each in the file of its name; those that control hosts are in lattice/, those
/// of images and signatures in registry/, a family in one file.
/// Adding one is a file, a line here and a line in commands.cpp.
#pragma once

#include "cli/command_line.hpp"
#include "cli/context.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weft::cli {

const CommandSpec& up_command() noexcept;
const CommandSpec& down_command() noexcept;
const CommandSpec& status_command() noexcept;
const CommandSpec& host_command() noexcept;
const CommandSpec& run_command() noexcept;
const CommandSpec& call_command() noexcept;
const CommandSpec& get_hosts_command() noexcept;
const CommandSpec& get_inventory_command() noexcept;
const CommandSpec& get_components_command() noexcept;
const CommandSpec& get_providers_command() noexcept;
const CommandSpec& get_links_command() noexcept;
const CommandSpec& get_config_command() noexcept;
const CommandSpec& get_claims_command() noexcept;
const CommandSpec& start_component_command() noexcept;
const CommandSpec& start_provider_command() noexcept;
const CommandSpec& stop_component_command() noexcept;
const CommandSpec& stop_provider_command() noexcept;
const CommandSpec& stop_host_command() noexcept;
const CommandSpec& scale_command() noexcept;
const CommandSpec& update_command() noexcept;
const CommandSpec& link_put_command() noexcept;
const CommandSpec& link_del_command() noexcept;
const CommandSpec& link_get_command() noexcept;
const CommandSpec& config_put_command() noexcept;
const CommandSpec& config_get_command() noexcept;
const CommandSpec& config_del_command() noexcept;
const CommandSpec& config_show_command() noexcept;
const CommandSpec& label_command() noexcept;
const CommandSpec& tree_command() noexcept;
const CommandSpec& ops_command() noexcept;
const CommandSpec& events_command() noexcept;
const CommandSpec& logs_command() noexcept;
const CommandSpec& spy_command() noexcept;
const CommandSpec& push_command() noexcept;
const CommandSpec& pull_command() noexcept;
const CommandSpec& par_create_command() noexcept;
const CommandSpec& par_insert_command() noexcept;
const CommandSpec& par_inspect_command() noexcept;
const CommandSpec& claims_sign_command() noexcept;
const CommandSpec& claims_inspect_command() noexcept;
const CommandSpec& keys_gen_command() noexcept;
const CommandSpec& keys_get_command() noexcept;
const CommandSpec& keys_list_command() noexcept;
const CommandSpec& inspect_command() noexcept;
const CommandSpec& compile_command() noexcept;
const CommandSpec& wit_bindgen_command() noexcept;
const CommandSpec& wit_new_command() noexcept;
const CommandSpec& version_command() noexcept;
const CommandSpec& completions_command() noexcept;
const CommandSpec& complete_command() noexcept;
const CommandSpec& help_command() noexcept;

/// In the order of the help.
std::span<const CommandSpec* const> commands() noexcept;
/// Those of two words that begin with `word`.
std::vector<const CommandSpec*> group_of(std::string_view word);

/// Parses, runs, reports; the exit code. `words` are the arguments without the program's name. No exception leaves it.
int run_weft(std::span<const std::string> words, Context& context) noexcept;

}  // namespace weft::cli

#pragma once

#include "cli/sink/secret_file.hpp"

#include <memory>
#include <string>

/// The place that --secret-file PATH names: all before the last slash is the folder.
namespace relay::cli {

/// Returns the last part of the path. Throws Error (usage) if it cannot be the name of a secret file.
std::string secret_file_name(std::string const &path);
/// Opens the folder. Throws Error (sink) if it cannot take a secret file.
std::shared_ptr<Folder const> open_secret_folder(std::string const &path);

}  // namespace relay::cli

#pragma once

#include <string>

namespace relay::cli::docgen {

/// A file to be written into a folder that has only generated files.
struct GeneratedFile {
    std::string name;
    std::string text;
};

}  // namespace relay::cli::docgen

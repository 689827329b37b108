#include "cli/manual/manual_page.hpp"

#include <unistd.h>
#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <memory>

namespace relay::cli {

namespace {

struct ClosePipe {
    void operator()(std::FILE *pipe) const { ::pclose(pipe); }
};

/// Returns whether the page is installed. Checks that the file from `man -w` exists, because in containers without
/// manuals, `man` is a stub that always succeeds.
bool is_installed(std::string const &page) {
    std::string const command = "man -w 1 " + page + " 2>/dev/null";  // safe: the name comes from our own table
    std::unique_ptr<std::FILE, ClosePipe> const pipe(::popen(command.c_str(), "re"));
    std::array<char, 4096> line{};
    if (pipe == nullptr || std::fgets(line.data(), line.size(), pipe.get()) == nullptr) {
        return false;
    }
    std::string file = line.data();
    file.resize(std::min(file.find('\n'), file.size()));
    return file.starts_with('/') && ::access(file.c_str(), R_OK) == 0;
}

}  // namespace

std::string manual_page_name(Path const &path) {
    std::string name = "relay-admin";
    for (std::string const &word : path) {
        name += '-' + word;
    }
    return name;
}

void show_manual_page(Path const &path) {
    std::string const page = manual_page_name(path);
    if (is_installed(page)) {
        auto const before = std::signal(SIGPIPE, SIG_DFL);  // exec would keep our ignored SIGPIPE
        ::execlp("man", "man", "1", page.c_str(), nullptr);
        std::signal(SIGPIPE, before);
    }
}

}  // namespace relay::cli

#include "cli/scan/scan_files.hpp"

#include "cli/context.hpp"
#include "cli/input/input_file.hpp"
#include "cli/output/command_text.hpp"
#include "cli/output/output.hpp"
#include "cli/output/progress.hpp"
#include "cli/posix/files.hpp"
#include "relay/crypto/secret_buffer.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"
#include "relay/scan/container.hpp"
#include "relay/scan/scanner.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>

namespace relay::cli {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t piece_size = 64 * 1024;

/// Returns the command that opens a container and scans what is in it.
std::string command_to_open(Globals const &globals, scan::Container const &kind, std::string const &path) {
    std::string const scan = command_line(globals, {"revoke", "--scan", "-"});
    if (kind.opens.empty()) {
        return "unpack it, and pipe the text into: " + scan;
    }
    std::string open(kind.opens);
    constexpr std::string_view placeholder = " FILE";
    if (std::size_t const at = open.find(placeholder); at != open.npos && path != "-") {
        open.replace(at, placeholder.size(), ' ' + shell_word(path));
    }
    return open + " | " + scan;
}

class Reader {
  public:
    Reader(Context &context, std::string const &path, std::string_view flag)
        : m_context(&context), m_path(path), m_flag(flag), m_buffer(piece_size) {}

    FileScan read() {
        fs::file_status const status = m_path == "-" ? fs::file_status() : fs::status(m_path, m_error);
        bool const folder = fs::is_directory(status);
        Progress progress(m_context->output().progress_stream(), "scanning " + input_name(m_path), true,
                          fs::is_regular_file(status) ? std::optional(fs::file_size(m_path, m_error)) : std::nullopt);
        m_progress = &progress;
        if (folder) {
            read_folder(m_path);
        } else if (auto const problem = read_file(m_path, O_RDONLY | O_CLOEXEC)) {
            Hint hint;
            hint.why = problem->is_container ? "a key in it cannot be seen before it is opened" : "";
            hint.next = problem->next;
            throw Error(ErrorKind::usage,
                        std::string(m_flag) + ' ' + escape_for_terminal(input_name(m_path)) + ": " + problem->why,
                        hint);
        }
        return std::move(m_result);
    }

  private:
    struct Problem {
        std::string why;
        std::string next{};
        bool is_container = false;
    };

    void read_folder(fs::path const &folder) {
        std::error_code error;
        std::vector<fs::directory_entry> entries;
        for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
            entries.push_back(*at);
        }
        if (error) {
            m_result.not_read.push_back({folder.string(), error.message()});
        }
        std::sort(entries.begin(), entries.end());
        for (fs::directory_entry const &entry : entries) {
            std::error_code failed;
            fs::file_status const status = entry.symlink_status(failed);
            std::string const name = entry.path().string();
            if (fs::is_directory(status)) {
                read_folder(entry.path());
            } else if (fs::is_symlink(status)) {
                m_result.not_read.push_back({name, "a symbolic link, which a scan of a folder does not follow"});
            } else if (!fs::is_regular_file(status)) {
                m_result.not_read.push_back({name, failed ? failed.message() : "not a regular file"});
            } else if (auto const problem = read_file(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)) {
                m_result.not_read.push_back({name, problem->why, problem->next});
            }
        }
    }

    /// Returns why the file could not be looked into.
    std::optional<Problem> read_file(std::string const &path, int flags) {
        FileDescriptor const file(path == "-" ? -1 : ::open(path.c_str(), flags));
        if (path != "-" && !file.is_open()) {
            return Problem{std::strerror(errno)};
        }
        m_input = path == "-" ? STDIN_FILENO : file.get();
        // The kind of a file is in its first bytes; a pipe may give fewer of them at a time.
        std::size_t size = 0;
        while (size < scan::container_head) {
            auto const got = read_piece(size);
            if (!got) {
                return Problem{std::strerror(errno)};
            }
            if (*got == 0) {
                break;
            }
            size += *got;
        }
        if (auto const kind = scan::find_container(m_buffer.reveal().substr(0, size))) {
            return Problem{std::string(kind->name) + ": cannot be read as it is",
                           command_to_open(m_context->globals(), *kind, path), true};
        }
        return scan(path, size);
    }

    std::optional<Problem> scan(std::string const &path, std::size_t size) {
        std::optional<Problem> problem;
        while (size > 0) {
            m_scanner.feed(m_buffer.reveal().substr(0, size));
            m_result.bytes += size;
            m_progress->report(m_result.bytes);
            auto const got = read_piece(0);
            if (!got) {
                problem = Problem{std::string(std::strerror(errno)) + " (after its first part)"};
            }
            size = got.value_or(0);
        }
        scan::Findings findings = m_scanner.finish();
        ++m_result.read;
        for (scan::Unopened const &one : findings.unopened) {
            m_result.not_read.push_back({input_name(path),
                                         std::string(one.what) + ", " + where(one.places.first.front()),
                                         "take that part out, open it, and scan what is in it"});
        }
        if (findings.more_cut) {
            m_result.not_read.push_back(
                {input_name(path), fmt::format("more than {} keys in it are cut or damaged; the "
                                               "others are not named",
                                               scan::Findings::most_cut_ids)});
        }
        if (!findings.keys.empty() || !findings.cut.empty()) {
            m_result.files.push_back({input_name(path), std::move(findings)});
        }
        return problem;
    }

    static std::string where(scan::Place const &place) {
        return place.position ? "at line " + std::to_string(place.position->line) + ", column " +
                                    std::to_string(place.position->column)
                              : "at byte " + std::to_string(place.offset);
    }

    /// Reads into the buffer from `at` on. Returns how many bytes were read, 0 at the end; none with errno set.
    std::optional<std::size_t> read_piece(std::size_t at) {
        std::span<char> const room = m_buffer.writable().subspan(at);
        ssize_t got = 0;
        do {
            got = ::read(m_input, room.data(), room.size());
        } while (got < 0 && errno == EINTR);
        return got < 0 ? std::nullopt : std::optional(static_cast<std::size_t>(got));
    }

    Context *m_context;
    std::string m_path;
    std::string_view m_flag;
    SecretBuffer m_buffer;
    scan::Scanner m_scanner{};
    Progress *m_progress = nullptr;
    int m_input = -1;
    std::error_code m_error{};
    FileScan m_result{};
};

}  // namespace

std::multimap<KeyId, scan::FoundKey> FileScan::keys() const {
    std::multimap<KeyId, scan::FoundKey> all;
    std::set<std::array<unsigned char, 32>> hashes;
    for (File const &file : files) {
        for (auto const &[id, key] : file.findings.keys) {
            if (hashes.insert(key.hash.bytes).second) {
                all.emplace(id, key);
            }
        }
    }
    return all;
}

std::vector<KeyId> FileScan::cut_ids() const {
    std::set<KeyId> ids;
    for (File const &file : files) {
        for (auto const &[id, places] : file.findings.cut) {
            ids.insert(id);
        }
    }
    for (File const &file : files) {
        for (auto const &[id, key] : file.findings.keys) {
            ids.erase(id);
        }
    }
    return {ids.begin(), ids.end()};
}

FileScan scan_files(Context &context, std::string const &path, std::string_view flag) {
    return Reader(context, path, flag).read();
}

}  // namespace relay::cli

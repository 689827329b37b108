#include "cli/audit/sorted_events.hpp"

#include "relay/model/error.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <tuple>
#include <type_traits>

namespace relay::cli {
namespace {

constexpr std::size_t most_in_memory = 65'536;  // events: 4 MB
constexpr std::size_t least_in_piece = 16;

static_assert(std::is_trivially_copyable_v<ArchivedEvent>, "it is written to the file as it is in memory");

bool is_before(ArchivedEvent const &left, ArchivedEvent const &right) {
    auto const order = [](ArchivedEvent const &event) {
        return std::tuple(event.entry.event_id, event.place.file, event.place.line);
    };
    return order(left) < order(right);
}

std::string temporary_folder() {
    char const *const folder = std::getenv("TMPDIR");
    return folder != nullptr && *folder != '\0' ? folder : "/tmp";
}

[[noreturn]] void refuse(int reason) {
    throw Error(ErrorKind::unavailable,
                "cannot sort the archive in " + temporary_folder() + ": " + std::strerror(reason),
                {.next = "set TMPDIR to a folder with room: a tenth of the archive is enough"});
}

FileDescriptor file_without_name() {
    FileDescriptor file(::open(temporary_folder().c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (!file.is_open() && (errno == EOPNOTSUPP || errno == EISDIR)) {
        std::string name = temporary_folder() + "/relay-admin-XXXXXX";
        file = FileDescriptor(::mkostemp(name.data(), O_CLOEXEC));
        if (file.is_open()) {
            ::unlink(name.c_str());
        }
    }
    if (!file.is_open()) {
        refuse(errno);
    }
    return file;
}

/// Calls pread or pwrite until all bytes are there.
template <typename Call, typename Bytes>
void transfer(Call const &call, int file, Bytes *bytes, std::size_t size, std::size_t offset) {
    while (size > 0) {
        ssize_t const done = call(file, bytes, size, static_cast<off_t>(offset));
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            refuse(done == 0 ? EIO : errno);
        }
        bytes += done;
        offset += static_cast<std::size_t>(done);
        size -= static_cast<std::size_t>(done);
    }
}

}  // namespace

bool SortedEvents::IsLater::operator()(std::size_t left, std::size_t right) const {
    auto const head = [this](std::size_t run) { return (*runs)[run].piece[(*runs)[run].at]; };
    return is_before(head(right), head(left));
}

void SortedEvents::add(ArchivedEvent const &event) {
    if (m_part.size() == most_in_memory) {
        write_part();
    }
    m_part.push_back(event);
}

void SortedEvents::write_part() {
    if (!m_file.is_open()) {
        m_file = file_without_name();
    }
    std::sort(m_part.begin(), m_part.end(), is_before);
    std::size_t const begin = m_runs.empty() ? 0 : m_runs.back().end;
    transfer(::pwrite, m_file.get(), reinterpret_cast<char const *>(m_part.data()),
             m_part.size() * sizeof(ArchivedEvent), begin * sizeof(ArchivedEvent));
    m_runs.push_back({.begin = begin, .end = begin + m_part.size()});
    m_part.clear();
}

/// Returns whether the run has another event.
bool SortedEvents::fill(Run &run) const {
    if (run.at < run.piece.size()) {
        return true;
    }
    std::size_t const size = std::min(std::max(most_in_memory / m_runs.size(), least_in_piece), run.end - run.begin);
    run.piece.resize(size);
    run.at = 0;
    transfer(::pread, m_file.get(), reinterpret_cast<char *>(run.piece.data()), size * sizeof(ArchivedEvent),
             run.begin * sizeof(ArchivedEvent));
    run.begin += size;
    return size > 0;
}

void SortedEvents::begin_merge() {
    m_is_sorted = true;
    if (m_runs.empty()) {
        std::sort(m_part.begin(), m_part.end(), is_before);
        return;
    }
    if (!m_part.empty()) {
        write_part();
    }
    m_part = {};
    for (std::size_t run = 0; run < m_runs.size(); ++run) {
        fill(m_runs[run]);
        m_heads.push(run);
    }
}

std::optional<ArchivedEvent> SortedEvents::next() {
    if (!m_is_sorted) {
        begin_merge();
    }
    if (m_runs.empty()) {
        return m_at < m_part.size() ? std::optional(m_part[m_at++]) : std::nullopt;
    }
    if (m_heads.empty()) {
        return std::nullopt;
    }
    std::size_t const run = m_heads.top();
    m_heads.pop();
    ArchivedEvent const event = m_runs[run].piece[m_runs[run].at++];
    if (fill(m_runs[run])) {
        m_heads.push(run);
    }
    return event;
}

}  // namespace relay::cli

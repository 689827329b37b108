#pragma once

#include "cli/posix/files.hpp"
#include "relay/audit/verify.hpp"

#include <optional>
#include <queue>
#include <vector>

namespace relay::cli {

/// The events of an archive in the order of their numbers, which are not the order of an export: that is by time.
///
/// It sorts parts of bounded size, writes them to a temporary file without a name, and merges them. So the memory that it
/// needs does not depend on the archive. A small archive needs no file. Throws Error (unavailable) if there is no room.
class SortedEvents {
  public:
    void add(ArchivedEvent const &event);
    bool is_empty() const { return m_part.empty() && m_runs.empty(); }
    /// Returns the next event; none at the end. Nothing can be added after the first call.
    std::optional<ArchivedEvent> next();

  private:
    /// A sorted part in the file, and the piece of it that is in memory.
    struct Run {
        std::size_t begin = 0;  ///< counted in events
        std::size_t end = 0;
        std::vector<ArchivedEvent> piece{};
        std::size_t at = 0;
    };
    void write_part();
    void begin_merge();
    bool fill(Run &run) const;

    std::vector<ArchivedEvent> m_part{};
    std::vector<Run> m_runs{};
    FileDescriptor m_file{};
    bool m_is_sorted = false;
    std::size_t m_at = 0;  ///< in m_part, without a file
    struct IsLater {
        std::vector<Run> const *runs;
        bool operator()(std::size_t left, std::size_t right) const;
    };
    std::priority_queue<std::size_t, std::vector<std::size_t>, IsLater> m_heads{IsLater{&m_runs}};
};

}  // namespace relay::cli

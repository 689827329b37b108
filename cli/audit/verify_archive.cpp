#include "cli/audit/verify_archive.hpp"

#include "cli/audit/event_archive.hpp"
#include "cli/audit/sorted_events.hpp"
#include "cli/input/input_file.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <tuple>

namespace relay::cli {
namespace {

constexpr std::string_view flag = "--archive";

/// What was read of all files.
struct Archive {
    SortedEvents events{};
    std::int64_t without_number = 0;  ///< counts of floods that had not ended
    std::optional<AuditFault> unreadable{};  ///< the first
};

void read(std::vector<std::string> const &files, Archive &archive) {
    for (std::size_t file = 0; file < files.size(); ++file) {
        read_event_archive(files[file], flag, [&](ArchiveRow const &row) {
            ArchivePlace const place{.file = file, .line = row.line};
            if (row.event) {
                archive.events.add(
                    {.entry = seal_entry(*row.event), .occurred_at = row.event->occurred_at, .place = place});
            } else if (row.fault.empty()) {
                ++archive.without_number;
            } else if (!archive.unreadable) {
                archive.unreadable = AuditFault{
                    .what = "unreadable", .text = "no event can be read there: " + row.fault, .place = place};
            }
        });
    }
}

/// A row that cannot be read comes before what is wrong in a later row, and before an event that is missing because of it.
bool comes_first(AuditFault const &unreadable, AuditFault const &other) {
    auto const order = [](AuditFault const &fault) { return std::tuple(fault.place->file, fault.place->line); };
    bool const is_of_a_row = other.event_id.has_value() || other.what == "not_sealed";
    return is_of_a_row && (!other.place || order(unreadable) < order(other));
}

}  // namespace

AuditVerification verify_archive_files(db::Database &database, std::vector<std::string> const &files,
                                       std::optional<SealHead> const &head, bool partial) {
    Archive archive;
    read(files, archive);
    if (archive.events.is_empty() && !archive.unreadable) {
        throw Error(ErrorKind::usage, std::string(flag) + ": there is no event with a number in the archive",
                    {.why = "so there is nothing to compare with the seals"});
    }
    AuditVerification found =
        verify_archive(database, {.head = head, .next = [&] { return archive.events.next(); }, .partial = partial});
    found.unsealed_rows += archive.without_number;
    if (archive.unreadable && (!found.fault || comes_first(*archive.unreadable, *found.fault))) {
        found.fault = archive.unreadable;
    }
    if (found.fault && found.fault->place) {
        ArchivePlace const &place = *found.fault->place;
        found.fault->text = escape_for_terminal(input_name(files[place.file])) + " line " + std::to_string(place.line) +
                            ": " + found.fault->text;
    }
    return found;
}

}  // namespace relay::cli

#include "cli/incident/whose_document.hpp"

#include "cli/documents/fields.hpp"
#include "cli/scan/scan_report.hpp"

namespace relay::cli {

namespace {

Value state_value(Whose const &whose) {
    if (auto const *const status = std::get_if<KeyStatus>(&whose.state)) {
        return *status;
    }
    auto const *const status = std::get_if<Status>(&whose.state);
    return status != nullptr ? Value(*status) : Value();
}

/// Returns the state for people, with what limits it: "active, blocked", "active (cut: id only)".
std::string state_text(Whose const &whose, bool is_cut) {
    if (!whose.known()) {
        return is_cut ? "unknown (cut)" : "unknown";
    }
    if (whose.proof == Proof::other_secret) {
        return "unknown (another secret with this id)";
    }
    std::string text = std::get<std::string>(state_value(whose));
    text += whose.blocked && whose.key_id ? ", blocked" : "";
    text += whose.has_seat ? "" : ", no seat (over_limit)";
    return text + (is_cut ? " (cut: id only)" : "");
}

}  // namespace

Record whose_record(Whose const &whose, FileScan const *scan) {
    bool const is_found = scan != nullptr && whose.key_id && !whose.asked;
    bool const is_cut = is_found && whose.proof == Proof::id_only;
    auto const if_found = [&](auto const &of_cut, auto const &of_whole) {
        return !is_found ? Value()
               : is_cut  ? Value(of_cut(*scan, *whose.key_id))
                         : Value(of_whole(*scan, *whose.key_id));
    };
    return {
        machine_only("thing", whose.thing),
        machine_only("asked", whose.asked),
        {"key_id", "Key", whose.key_id},
        {"agent_id", "Agent", whose.agent_id},
        {"agent_name", "Name", whose.agent_name, {.leaves = 6, .cut = true}},
        {"owner", "Owner", whose.owner, {.leaves = 1, .cut = true}},
        {"org_id", "Org", whose.org_id, {.leaves = 3}},
        machine_only("org_name", whose.org_name),
        machine_only("state", state_value(whose)),
        {"", "State", state_text(whose, is_cut)},
        machine_only("blocked", whose.blocked),
        machine_only("live", whose.live()),
        machine_only("proof", whose.proof),
        {"last_used_at", "Last seen", whose.last_used_at, {.leaves = 4}},
        {"last_address", "From", whose.last_address, {.leaves = 5}},
        machine_only("places", if_found(cut_place_records, place_records)),
        {"",
         is_found || scan != nullptr ? "Found in" : "",
         if_found(cut_place_texts, place_texts),
         {.leaves = 2, .cut = true}},
    };
}

Document whose_document(std::vector<Whose> const &items, FileScan const *scan) {
    Document document{.kind = "KeyOwnerList", .id_key = "key_id", .is_list = true};
    document.columns = blank(whose_record({}, scan));
    for (Whose const &whose : items) {
        document.items.push_back(whose_record(whose, scan));
    }
    return document;
}

}  // namespace relay::cli

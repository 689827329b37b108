#include "cli/policy/due_pages.hpp"

#include "cli/html/html.hpp"
#include "cli/html/page_head.hpp"
#include "cli/output/command_text.hpp"
#include "relay/model/error.hpp"
#include "relay/version.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <filesystem>
#include <set>

namespace relay::cli {

namespace {

using html::element;
using html::escape;
using html::Html;
using html::number;

constexpr std::string_view beginning = "<!DOCTYPE html>\n<html lang=\"en\" data-relay-admin=\"DueKeyList\">\n";
constexpr std::string_view index_name = "index.html";

/// Returns a file name that a reader recognizes, and that is another one for each owner: what is not a letter or a digit
/// becomes a hyphen, and a number made from the whole text (64-bit FNV-1a) follows.
std::string page_name(std::optional<OwnerName> const &owner) {
    if (!owner) {
        return "no-owner.html";
    }
    constexpr std::size_t most_readable = 60;
    std::string readable;
    std::uint64_t hash = 0xcbf29ce484222325U;
    for (char const c : owner->text()) {
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
        bool const plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (readable.size() < most_readable && (plain || (!readable.empty() && readable.back() != '-'))) {
            readable += plain ? c : '-';
        }
    }
    return fmt::format("{}{}{:016x}.html", readable, readable.empty() || readable.back() == '-' ? "" : "-", hash);
}

std::string name_of(std::optional<OwnerName> const &owner) { return owner ? owner->text() : "agents without an owner"; }

Html verdict(std::int64_t keys, std::int64_t overdue) {
    Html const words = element("p", element("strong", number(keys) + (keys == 1 ? Html(" key") : Html(" keys"))) +
                                        " due, " + number(overdue) + " overdue");
    return element("div", {{"class", overdue > 0 ? Html("verdict bad") : Html("verdict warn")}}, words) + "\n";
}

Html header_row(std::initializer_list<Html> names) {
    Html cells;
    for (Html const &name : names) {
        cells += element("th", name);
    }
    return element("thead", element("tr", cells));
}

Html table(Html const &head, Html const &rows) {
    return element("section", {{"class", "long"}},
                   element("div", {{"class", "wide"}}, element("table", head + element("tbody", rows)))) +
           "\n";
}

Html key_row(DueKey const &key) {
    Html state = key.expired ? Html("expired") : key.overdue ? Html("overdue") : Html("due soon");
    state += key.reason == DueReason::delivery ? Html(", delivery not confirmed") : Html();
    state += key.reason == DueReason::expiry && !key.expired ? Html(", expires") : Html();
    state += key.blocked ? Html(", blocked") : Html();
    return element("tr", element("th", {{"class", "id"}}, escape(key.agent_id.text())) +
                             element("td", {{"class", "person"}}, escape(key.agent_name)) +
                             element("td", {{"class", "id"}}, escape(key.org_id.text())) +
                             element("td", {{"class", "id"}}, escape(key.key_id.text())) +
                             element("td", html::time(key.at)) + element("td", state) +
                             element("td", key.last_used_at ? html::time(*key.last_used_at) : Html("never")));
}

Html key_table(OwnerNotice const &notice) {
    Html rows;
    for (DueKey const &key : notice.keys) {
        rows += key_row(key) + "\n";
    }
    return table(header_row({"Agent", "Name", "Organization", "Key", "Due", "State", "Last used"}), rows);
}

Html next_step(OwnerNotice const &notice, Globals const &globals) {
    auto const rotatable = std::find_if(notice.keys.begin(), notice.keys.end(),
                                        [](DueKey const &key) { return key.reason != DueReason::expiry && !key.expired; });
    Html steps;
    if (rotatable != notice.keys.end()) {
        std::string const &agent = rotatable->agent_id.text();
        std::string const command = command_line(globals, {"rotate-key", agent, "--secret-file", agent + ".key"});
        steps += element(
            "li", "Give each agent a new key; the old one works for one more day:" + element("code", escape(command)));
    }
    if (notice.left_out() > 0) {
        steps += element("li", number(notice.left_out()) + " more keys are due. To list all of them:" +
                                   element("code", escape(command_line(globals, {"key", "due", "--all"}))));
    }
    return steps.empty()
               ? Html()
               : element("section", element("h2", "Next steps") + element("ol", {{"class", "steps"}}, steps)) + "\n";
}

std::string page(Html const &title, Html const &about, Html const &content) {
    Html const header = element("header", element("h1", title) + element("p", {{"class", "soft"}}, about));
    Html const footer = element("footer", element("p", "Written by relay-admin " + escape(version()) +
                                                           "; all times are UTC. This page contains no secrets."));
    return std::string(beginning) + html::page_head(title).text() + "\n" +
           element("body", element("main", "\n" + header + "\n" + content + footer + "\n")).text() + "\n</html>\n";
}

}  // namespace

DuePages::DuePages(std::string folder, Globals const &globals) : m_folder(std::move(folder)), m_globals(globals) {
    require_place(file(index_name));
}

OwnFile DuePages::file(std::string_view name) const {
    return {.flag = "--html", .path = m_folder + "/" + std::string(name), .beginning = beginning};
}

void DuePages::add(OwnerNotice const &notice) {
    std::string const name = page_name(notice.due.owner);
    Html const content =
        verdict(notice.due.keys, notice.due.overdue) + key_table(notice) + next_step(notice, m_globals);
    write_own_file(file(name), page("Keys that are due: " + escape(name_of(notice.due.owner)),
                                    "as of " + html::time(notice.read.at), content));
    m_listed.push_back({notice.due, name});
}

void DuePages::finish() {
    Html rows;
    std::int64_t keys = 0;
    std::int64_t overdue = 0;
    std::set<std::string> names{std::string(index_name)};
    for (Listed const &listed : m_listed) {
        Html const link = element("a", {{"href", escape(listed.name)}}, escape(name_of(listed.due.owner)));
        rows += element("tr", element("th", {{"class", "person"}}, link) +
                                  element("td", {{"class", "number"}}, number(listed.due.keys)) +
                                  element("td", {{"class", "number"}}, number(listed.due.overdue)) +
                                  element("td", html::time(listed.due.first_at))) +
                "\n";
        keys += listed.due.keys;
        overdue += listed.due.overdue;
        names.insert(listed.name);
    }
    Html const content =
        m_listed.empty() ? element("div", {{"class", "verdict good"}}, element("p", "No key is due."))
                         : verdict(keys, overdue) + table(header_row({"Owner", "Keys", "Overdue", "First due"}), rows);
    write_own_file(file(index_name), page("Keys that are due", "by owner: the people to write to", content));
    for (auto const &entry : std::filesystem::directory_iterator(m_folder)) {
        std::string const name = entry.path().filename().string();
        if (name.ends_with(".html") && !names.contains(name)) {
            remove_own_file(file(name));
        }
    }
}

}  // namespace relay::cli

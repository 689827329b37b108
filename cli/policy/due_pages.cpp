#include "cli/policy/due_pages.hpp"

#include "cli/html/html.hpp"
#include "cli/html/page_head.hpp"
#include "cli/output/command_text.hpp"
#include "cli/sink/sink_error.hpp"
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

/// Returns whether page_name returns such names.
bool is_page_name(std::string_view name) {
    constexpr std::string_view end = ".html";
    constexpr std::size_t digits = 16;
    if (name == page_name(std::nullopt)) {
        return true;
    }
    if (!name.ends_with(end) || name.size() < digits + end.size()) {
        return false;
    }
    name.remove_suffix(end.size());
    std::string_view const hash = name.substr(name.size() - digits);
    name.remove_suffix(digits);
    return hash.find_first_not_of("0123456789abcdef") == hash.npos && (name.empty() || name.back() == '-');
}

/// Returns the names in a folder that may be pages. Throws Error (sink).
std::vector<std::string> page_names_in(std::string const &folder) {
    std::vector<std::string> names;
    std::error_code failure;
    std::filesystem::directory_iterator entry(folder, failure);
    for (; !failure && entry != std::filesystem::directory_iterator(); entry.increment(failure)) {
        if (std::string name = entry->path().filename().string(); is_page_name(name)) {
            names.push_back(std::move(name));
        }
    }
    if (failure) {
        throw sink_error("cannot list the folder of --html " + folder, failure.value(), "name another folder");
    }
    return names;
}

/// Returns the words of `key due` for a request.
std::vector<std::string> words_of(DueRequest const &request) {
    std::vector<std::string> words{"key", "due"};
    auto const add = [&words](std::string_view flag, std::string_view value) { add_flag_words(words, flag, value); };
    if (request.within.count() > 0) {
        add("--within", format_duration(request.within));
    }
    if (request.org) {
        add("--org", request.org->text());
    }
    if (request.which.owner) {
        add("--owner", request.which.owner->text());
    }
    if (request.which.unowned) {
        words.emplace_back("--no-owner");
    }
    for (Label const &label : request.which.labels) {
        add("--label", label.text());
    }
    if (request.which.match) {
        add("--match", *request.which.match);
    }
    words.emplace_back("--all");
    return words;
}

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
    bool const missing = key.reason == DueReason::missing;
    Html state = missing && key.overdue ? Html("locked out, no key")
                 : missing              ? Html("about to be locked out, no other key")
                 : key.expired          ? Html("expired")
                 : key.overdue          ? Html("overdue")
                                        : Html("due soon");
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

Html next_step(OwnerNotice const &notice, DueRequest const &request, Globals const &globals) {
    auto const rotatable = std::find_if(notice.keys.begin(), notice.keys.end(), [](DueKey const &key) {
        bool const in_grace = key.reason == DueReason::missing && !key.overdue;
        return key.reason != DueReason::expiry && !key.expired && !in_grace;
    });
    Html steps;
    if (rotatable != notice.keys.end()) {
        std::string const &agent = rotatable->agent_id.text();
        std::string const command = command_line(globals, {"rotate-key", agent, "--secret-file", agent + ".key"});
        steps += element("li", "Give each agent a new key; an old one that still works does so for one more day:" +
                                   element("code", escape(command)));
    }
    if (notice.left_out() > 0) {
        steps += element(
            "li", number(notice.left_out()) +
                      (notice.left_out() == 1 ? Html(" more key is due") : Html(" more keys are due")) +
                      ". To list all of them:" +
                      element("code", escape(command_line(globals, words_of(of_owner(request, notice.due.owner))))));
    }
    if (steps.empty()) {
        return {};
    }
    return element("section", element("h2", "Next steps") + element("ol", {{"class", "steps"}}, steps)) + "\n";
}

std::string page(Html const &title, Html const &about, Html const &content) {
    Html const header = element("header", element("h1", title) + element("p", {{"class", "soft"}}, about));
    Html const footer = element("footer", element("p", "Written by relay-admin " + escape(version()) +
                                                           "; all times are UTC. This page contains no secrets."));
    return std::string(beginning) + html::page_head(title).text() + "\n" +
           element("body", element("main", "\n" + header + "\n" + content + footer + "\n")).text() + "\n</html>\n";
}

}  // namespace

DuePages::DuePages(std::string folder, Globals const &globals, DueRequest const &request)
    : m_folder(std::move(folder)), m_globals(globals), m_request(request) {
    require_place(file(index_name));
    if (!request.org && !request.which.any()) {
        m_earlier = page_names_in(m_folder);
    }
}

OwnFile DuePages::file(std::string_view name) const {
    return {.flag = "--html", .path = m_folder + "/" + std::string(name), .beginning = beginning};
}

void DuePages::add(OwnerNotice const &notice) {
    std::string const name = page_name(notice.due.owner);
    Html const content =
        verdict(notice.due.keys, notice.due.overdue) + key_table(notice) + next_step(notice, m_request, m_globals);
    write_own_file(file(name), page("Keys that are due: " + escape(name_of(notice.due.owner)),
                                    "as of " + html::time(notice.read.at), content));
    m_listed.push_back({notice.due, name});
}

void DuePages::finish() {
    Html rows;
    std::int64_t keys = 0;
    std::int64_t overdue = 0;
    std::set<std::string> names;
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
    Html content = element("div", {{"class", "verdict good"}}, element("p", "No key is due."));
    if (!m_listed.empty()) {
        content = verdict(keys, overdue) + table(header_row({"Owner", "Keys", "Overdue", "First due"}), rows);
    }
    write_own_file(file(index_name), page("Keys that are due", "by owner: the people to write to", content));
    for (std::string const &name : m_earlier) {
        if (!names.contains(name)) {
            remove_own_file(file(name));
        }
    }
}

}  // namespace relay::cli

#include "cli/legacy/page_tables.hpp"

#include "cli/legacy/status_document.hpp"
#include "cli/output/command_text.hpp"
#include "cli/output/relative_time.hpp"

#include <algorithm>

namespace relay::cli::html {

namespace {

struct Column {
    Html header;
    Html kind{};  ///< class of its cells: "number", "person", "id", or none
};

/// The cells of a row; the first names the row.
using Row = std::vector<Html>;

Html cell(Html const &tag, Column const &column, Html const &content, Attributes attributes = {}) {
    if (!column.kind.empty()) {
        attributes.push_back({"class", column.kind});
    }
    return element(tag, attributes, content);
}

Html table(Html const &caption, std::vector<Column> const &columns, std::vector<Row> const &rows) {
    Html head;
    for (Column const &column : columns) {
        head += cell("th", column, column.header, {{"scope", "col"}});
    }
    Html body;
    for (Row const &row : rows) {
        Html cells = cell("th", columns[0], row[0], {{"scope", "row"}});
        for (std::size_t i = 1; i < row.size(); ++i) {
            cells += cell("td", columns[i], row[i]);
        }
        body += element("tr", cells) + "\n";
    }
    return element("div", {{"class", "wide"}},
                   element("table", element("caption", caption) + element("thead", element("tr", head)) + "\n" +
                                        element("tbody", body)));
}

Html moment(std::optional<Instant> at, Instant now) {
    return at ? time(*at) + " " + element("span", {{"class", "ago"}}, escape(relative_time(*at, now))) : Html("never");
}

Html state_tag(LegacyAgentState state) {
    return state == LegacyAgentState::listed ? element("span", {{"class", "tag listed"}}, "no key yet")
                                             : element("span", {{"class", "tag issued"}}, "key issued");
}

Html or_dash(std::optional<std::string> const &text) { return text ? escape(*text) : Html("–"); }

Html owner_name(LegacyOwner const &owner) {
    return owner.owner ? escape(*owner.owner)
                       : element("span", {{"class", "soft"}}, "no owner; org " + escape(text_or_empty(owner.org_id)));
}

struct Group {
    LegacyActivity activity;
    Html id;
    Html title;
    Html caption;
};

Html straggler_section(LegacyStatus const &status, Globals const &globals, Group const &group, std::int64_t count) {
    if (count == 0) {
        return {};
    }
    std::vector<LegacyAgent> const agents = of_activity(status, group.activity);
    std::vector<Row> rows;
    for (LegacyAgent const &agent : agents) {
        rows.push_back({escape(agent.agent_id.text()), or_dash(agent.owner), escape(agent.org_id.text()),
                        state_tag(agent.state), agent.issued_at ? day(*agent.issued_at) : Html("–"),
                        moment(agent.last_seen_at, status.at), or_dash(agent.last_seen_from)});
    }
    Html caption = group.caption;
    auto const hidden = count - static_cast<std::int64_t>(agents.size());
    if (hidden > 0) {
        caption += " " + number(hidden) + " more are not on this page: " +
                   escape(command_line(globals, {"migrate-legacy", "status", "--all"}));
    }
    std::vector<Column> const columns{{"Agent", "id"}, {"Owner", "person"}, {"Organization"}, {"Key"},
                                      {"Issued"},      {"Last seen"},       {"From", "id"}};
    return element("section", {{"class", "long"}, {"id", group.id}},
                   element("h2", group.title + ": " + number(count)) + table(caption, columns, rows)) +
           "\n";
}

}  // namespace

Html owner_section(LegacyStatus const &status) {
    if (status.owners.empty()) {
        return {};
    }
    std::vector<Row> rows;
    for (LegacyOwner const &owner : status.owners) {
        rows.push_back({owner_name(owner), number(owner.left), number(owner.listed), number(owner.on_shared_secret),
                        number(owner.silent), number(owner.never_seen), moment(owner.last_seen_at, status.at)});
    }
    std::vector<Column> const columns{{"Owner", "person"},
                                      {"Left", "number"},
                                      {"No key yet", "number"},
                                      {"On the secret", "number"},
                                      {"Silent", "number"},
                                      {"Never seen", "number"},
                                      {"Last seen"}};
    return element("section", {{"id", "owners"}},
                   element("h2", "Whom to call") +
                       table("Owners with agents left; most agents on the shared secret first.", columns, rows)) +
           "\n";
}

Html straggler_sections(LegacyStatus const &status, Globals const &globals) {
    LegacyCounts const &counts = status.counts;
    Html const within = escape(describe_duration(status.quiet));
    return straggler_section(status, globals,
                             {LegacyActivity::on_shared_secret, "on-the-secret", "On the shared secret",
                              "Used it in the last " + within + "; last seen first."},
                             counts.on_shared_secret) +
           straggler_section(status, globals,
                             {LegacyActivity::silent, "silent", "Silent",
                              "Used the shared secret, but not in the last " + within + "; last seen first."},
                             counts.silent) +
           straggler_section(status, globals,
                             {LegacyActivity::never_seen, "never-seen", "Never seen",
                              "Never used the shared secret since the import; by owner."},
                             counts.never_seen);
}

Html burn_down_figures(LegacyStatus const &status) {
    std::vector<Row> rows;
    for (BurnDownPoint const &point : status.burn_down) {
        rows.push_back({time(point.at), number(point.total), number(point.left)});
    }
    return element("details", element("summary", "Figures of the chart") +
                                  table("The list at each time.",
                                        {{"Time"}, {"Listed so far", "number"}, {"Left", "number"}}, rows));
}

}  // namespace relay::cli::html

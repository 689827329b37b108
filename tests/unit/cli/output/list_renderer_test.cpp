#include "cli/output/list_renderer.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace relay;
using namespace relay::cli;

namespace {

Record item(std::string id, std::string name, Value keys) {
    return {{"agent_id", "Agent", std::move(id)},
            {"name", "Name", std::move(name), {.cut = true}},
            {"keys", "Keys", std::move(keys), {.leaves = 1}}};
}

Document list(std::vector<Record> first) {
    Document document{.kind = "AgentList", .id_key = "agent_id", .is_list = true, .items = std::move(first)};
    document.columns = {
        {"agent_id", "Agent", {}}, {"name", "Name", {}, {.cut = true}}, {"keys", "Keys", {}, {.leaves = 1}}};
    return document;
}

/// Renders a list that begins with `first` and continues with `more`.
Rendered rendered(ListRenderer &renderer, std::vector<Record> const &first, std::vector<Record> const &more) {
    Document const document = list(first);
    Rendered result{.text = renderer.begin(document)};
    for (std::vector<Record> const &part : {first, more}) {
        for (Record const &one : part) {
            renderer.add(one, result.text);
        }
    }
    result.text += renderer.end(document, {});
    result.notes = renderer.notes();
    return result;
}

}  // namespace

TEST_CASE("a table is as wide as its first rows; a longer cell that comes later moves its own line only") {
    auto const table = make_list_renderer(OutputFormat::table, {});
    CHECK(rendered(*table, {item("a1", "A", 1)}, {item("agent-2", "A long name", 20'000), item("a3", "C", 3)}).text ==
          "AGENT  NAME  KEYS\n"
          "a1     A        1\n"
          "agent-2  A long name  20000\n"
          "a3     C        3\n");
}

TEST_CASE("on a screen, a later cell is cut if its column may be, and ids never are") {
    auto const table = make_list_renderer(OutputFormat::table, Screen{.columns = 70});
    CHECK(rendered(*table, {item("a1", "Some name", 1)}, {item("agent-2", "Some longer name", 2)}).text ==
          "AGENT  NAME       KEYS\n"
          "a1     Some name     1\n"
          "agent-2  Some lon…     2\n");
}

TEST_CASE("a column that did not fit because it was empty is named if a later row has something in it") {
    std::string const id(66, 'a');
    auto const table = make_list_renderer(OutputFormat::table, Screen{.columns = 75});
    CHECK(rendered(*table, {item(id, "x", {})}, {}).notes.empty());
    CHECK(rendered(*table, {item(id, "x", {})}, {item(id, "x", 1)}).notes ==
          std::vector<std::string>{"columns that do not fit: Keys (-o csv shows all)"});
}

TEST_CASE("a JSON list is the same document, indented or not, however it comes") {
    std::string const head =
        R"({"schema":"relay-admin/v1","kind":"AgentList","changed":false,"dry_run":false,"items":[)";
    std::string const first = R"({"agent_id":"a1","name":"\u202e","keys":null})";
    std::string const second = R"({"agent_id":"a2","name":"\"items\": []","keys":2})";
    auto const json = make_list_renderer(OutputFormat::json, {});
    std::string const text = rendered(*json, {item("a1", "\u202e", {})}, {item("a2", "\"items\": []", 2)}).text;
    CHECK(text.starts_with(head + first + ',' + second + R"(],"next":null,"warnings":[],"meta":{)"));
    CHECK(text.ends_with("}}\n"));

    auto const indented = make_list_renderer(OutputFormat::json, Screen{});
    std::string const lines = rendered(*indented, {item("a1", "A", 1)}, {item("a2", "B", 2)}).text;
    CHECK(lines.find("  \"items\": [\n    {\n      \"agent_id\": \"a1\",\n") != lines.npos);
    CHECK(lines.find("      \"keys\": 1\n    },\n    {\n      \"agent_id\": \"a2\",\n") != lines.npos);
    CHECK(lines.find("    }\n  ],\n  \"next\": null,\n") != lines.npos);
    auto const empty = make_list_renderer(OutputFormat::json, Screen{});
    CHECK(render_list(*empty, list({})).text.find("  \"items\": [],\n  \"next\": null,\n") != std::string::npos);
}

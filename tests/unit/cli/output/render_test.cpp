#include "cli/output/render.hpp"
#include "cli/output/render_json.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace relay;
using namespace relay::cli;

namespace {

std::string const hostile = "\033[31m\u202eevil\u0085\x7f\"\n\t\\\U0001f511";

Instant const at{std::chrono::microseconds(1'795'309'323'000'123)};

Document one(Record data) { return {.kind = "Agent", .id_key = "agent_id", .changed = true, .data = std::move(data)}; }

Document list_of(std::vector<Record> items) {
    return {
        .kind = "AgentList",
        .id_key = "agent_id",
        .is_list = true,
        .items = std::move(items),
        .columns = {{"agent_id", "Agent", {}}, {"name", "Name", {}}, {"keys", "Keys", {}}, {"secret_note", "", {}}}};
}

Record item(std::string id, std::string name, std::int64_t keys) {
    return {{"agent_id", "Agent", std::move(id)},
            {"name", "Name", std::move(name)},
            {"keys", "Keys", keys},
            {"secret_note", "", "x"}};
}

bool holds_raw_control(std::string const &text) {
    return text.find('\033') != text.npos || text.find('\x7f') != text.npos || text.find("\u202e") != text.npos ||
           text.find("\u0085") != text.npos;
}

}  // namespace

TEST_CASE("a single document is shown as aligned labels; fields without a label or a value are left out") {
    CHECK(render_table(one({{"org_id", "Org ID", "acme"},
                            {"agent_id", "Agent ID", "a1"},
                            {"hidden", "", "x"},
                            {"expires_at", "Expires", {}},
                            {"blocked", "Blocked", false},
                            {"keys", "Keys", std::int64_t(2)},
                            {"permissions", "May", std::vector<std::string>{"s:a", "s:b"}},
                            {"at", "At", at}})) ==
          "Org ID:    acme\n"
          "Agent ID:  a1\n"
          "Blocked:   no\n"
          "Keys:      2\n"
          "May:       s:a, s:b\n"
          "At:        2026-11-22T01:02:03Z\n");
}

TEST_CASE("records in a record are indented, lists in a record are below it") {
    CHECK(render_table(one(
              {{"agent_id", "Agent", "a1"},
               {"events", "Last events", std::vector<Record>{{{"action", "Action", "x"}, {"n", "N", std::int64_t(5)}}}},
               {"none", "Keys", std::vector<Record>{}},
               {"previous", "Previous", Record{{"key_id", "Key", "k1"}}}})) ==
          "Agent:  a1\n"
          "Previous:\n"
          "  Key:  k1\n"
          "\nLast events:\n"
          "ACTION  N\n"
          "x       5\n"
          "\nKeys:\n"
          "none\n");
}

TEST_CASE("lists have capital headers, numbers at the right, and wide characters counted") {
    CHECK(render_table(list_of({item("a1", "Payment", 2), item("agent-2", "支払い", 10)})) ==
          "AGENT    NAME     KEYS\n"
          "a1       Payment     2\n"
          "agent-2  支払い     10\n");
    CHECK(render_table(list_of({})) == "AGENT  NAME  KEYS\n");
}

TEST_CASE("hostile text is escaped in a table, and takes one line") {
    std::string const text = render_table(one({{"name", "Name", hostile}}));
    CHECK(text == "Name:  \\x1b[31m\\u202eevil\\u0085\\x7f\"\\x0a\\x09\\\U0001f511\n");
    CHECK_FALSE(holds_raw_control(text));
}

TEST_CASE("JSON has every key of the contract, on one line or indented") {
    Document document = one({{"agent_id", "Agent", "a1"}, {"due_at", "Due", at}, {"previous", "P", {}}});
    document.trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";
    document.warnings = {"careful"};
    std::string const json = render_json(document, false);
    CHECK(json.starts_with(
        R"({"schema":"relay-admin/v1","kind":"Agent","changed":true,"dry_run":false,)"
        R"("data":{"agent_id":"a1","due_at":"2026-11-22T01:02:03.000Z","previous":null},"warnings":["careful"],)"
        R"("meta":{"request_id":null,"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","at":null,"actor":null,"db_role":null,"database":null,"version":")"));
    CHECK(json.ends_with("\"}}\n"));
    CHECK(render_json(document, true).starts_with("{\n  \"schema\": \"relay-admin/v1\",\n"));
}

TEST_CASE("lists in JSON have items and next") {
    std::string const json = render_json(list_of({item("a1", "A", 1)}), false);
    CHECK(json.find(R"("items":[{"agent_id":"a1","name":"A","keys":1,"secret_note":"x"}],"next":null,)") != json.npos);
    CHECK(render_json(list_of({}), false).find(R"("items":[],"next":null)") != json.npos);
}

TEST_CASE("JSON lines are bare items with their kind, and a summary") {
    Document document = list_of({item("a1", "A", 1), item("a2", "B", 2)});
    document.next = "a2";
    std::string const lines = render_jsonl(document);
    CHECK(
        lines.starts_with("{\"kind\":\"Agent\",\"agent_id\":\"a1\",\"name\":\"A\",\"keys\":1,\"secret_note\":\"x\"}\n{"
                          "\"kind\":\"Agent\",\"agent_id\":\"a2\""));
    CHECK(lines.find("\n{\"kind\":\"Summary\",\"schema\":\"relay-admin/"
                     "v1\",\"count\":2,\"changed\":false,\"dry_run\":false,\"next\":\"a2\"") != lines.npos);
    CHECK(render_jsonl(list_of({})).starts_with("{\"kind\":\"Summary\""));
}

TEST_CASE("hostile text in JSON is escaped and reads back") {
    std::string const json = render_json(one({{"name", "Name", hostile}}), false);
    CHECK_FALSE(holds_raw_control(json));
    CHECK(json.find("\\u001b[31m\\u202eevil\\u0085\\u007f\\\"\\n\\t\\\\\U0001f511") != json.npos);
    CHECK_NOTHROW(render_json(one({{"name", "Name", "\xff\xfe"}}), false));
}

TEST_CASE("CSV quotes, defuses formulas, and escapes control characters") {
    auto const cell = [](std::string text) {
        std::string const csv = render_csv(one({{"name", "Name", std::move(text)}}));
        return csv.substr(5, csv.size() - 6);
    };
    CHECK(cell("plain") == "plain");
    CHECK(cell("a,b") == "\"a,b\"");
    CHECK(cell("say \"x\"") == "\"say \"\"x\"\"\"");
    CHECK(cell("two\nlines") == "\"two\nlines\"");
    for (std::string const start : {"=", "+", "-", "@", "\t"}) {
        CHECK(cell(start + "1") == "'" + start + "1");
    }
    CHECK(cell("\r1") == "\"'\r1\"");
    CHECK(cell("=a,b") == "\"'=a,b\"");
    CHECK(cell("\033[0m\u202e") == "\\x1b[0m\\u202e");
}

TEST_CASE("CSV has a header of keys, numbers as they are, and nothing for null") {
    CHECK(render_csv(list_of({})) == "agent_id,name,keys,secret_note\n");
    CHECK(render_csv(list_of({item("a1", "A", -3)})) ==
          "agent_id,name,keys,secret_note\n"
          "a1,A,-3,x\n");
    CHECK(render_csv(one({{"a", "", {}},
                          {"b", "", true},
                          {"c", "", std::vector<std::string>{"s:x", "s:y"}},
                          {"d", "", Record{{"k", "", "v"}}}})) ==
          "a,b,c,d\n,true,\"s:x,s:y\",\"{\"\"k\"\":\"\"v\"\"}\"\n");
}

TEST_CASE("ids are printed one per line") {
    CHECK(render_ids(list_of({item("a1", "A", 1), item("a2", "B", 2)})) == "a1\na2\n");
    CHECK(render_ids(one({{"agent_id", "Agent", "a1"}})) == "a1\n");
    CHECK(render_ids(list_of({})).empty());
    CHECK(render_ids(one({{"agent_id", "Agent", {}}})).empty());
}

TEST_CASE("env holds values that need no quotes, and names what it leaves out") {
    Rendered const rendered = render_env(one({{"agent_id", "Agent", "a1"},
                                              {"name", "Name", "Acme Corp"},
                                              {"evil", "", "$(x)"},
                                              {"expires_at", "", {}},
                                              {"changed", "", true},
                                              {"permissions", "", std::vector<std::string>{"s:a", "s:b"}},
                                              {"due_at", "", at},
                                              {"previous", "", Record{{"key_id", "", "k"}}},
                                              {"labels", "", Record{}}}));
    CHECK(rendered.text ==
          "AGENT_ID=a1\nEXPIRES_AT=\nCHANGED=true\nPERMISSIONS=s:a,s:b\nDUE_AT=2026-11-22T01:02:03.000Z\nLABELS=\n");
    REQUIRE(rendered.notes.size() == 3);
    CHECK(rendered.notes[0].starts_with("NAME is omitted"));
}

TEST_CASE("on a screen, times are shown with their distance, values are wrapped beside their labels") {
    Document document = one({{"agent_id", "Agent ID", "a1"},
                             {"status", "Status", Phrase{"BLOCKED since ", at, " by ana, INC-42"}},
                             {"due_at", "Due", at + std::chrono::days(90)}});
    CHECK(render_table(document) ==
          "Agent ID:  a1\n"
          "Status:    BLOCKED since 2026-11-22T01:02:03Z by ana, INC-42\n"
          "Due:       2027-02-20T01:02:03Z\n");
    document.at = at + std::chrono::minutes(3);
    CHECK(render_screen(document, {.columns = 40}).text ==
          "Agent ID:  a1\n"
          "Status:    BLOCKED since\n"
          "           2026-11-22T01:02:03Z\n"
          "           (3 minutes ago) by ana,\n"
          "           INC-42\n"
          "Due:       2027-02-20T01:02:03Z\n"
          "           (in 90 days)\n");
}

TEST_CASE("on a narrow screen, a value without room beside its label is below it") {
    CHECK(render_screen(one({{"a", "A rather long label", "some words to wrap"}}), {.columns = 20}).text ==
          "A rather long label:\n"
          "  some words to wrap\n");
}

TEST_CASE("on a screen a list is fitted, and says what it left out") {
    Document document = list_of({item("agent-1", "A name of quite some length", 2)});
    document.columns[1].room = {.cut = true};
    document.columns[2].room = {.leaves = 1};
    CHECK(render_screen(document, {.columns = 80}).text ==
          "AGENT    NAME                         KEYS\n"
          "agent-1  A name of quite some length     2\n");
    CHECK(render_screen(document, {.columns = 33}).text ==
          "AGENT    NAME                KEYS\n"
          "agent-1  A name of quite s…     2\n");
    document.items[0][0].value = std::string(50, 'a');
    Rendered const cut = render_screen(document, {.columns = 70});
    CHECK(cut.text == "AGENT" + std::string(47, ' ') + "NAME\n" + std::string(50, 'a') + "  A name of quite s…\n");
    CHECK(cut.notes == std::vector<std::string>{"columns that do not fit: Keys (-o csv shows all)"});
}

TEST_CASE("if no table fits, the records are shown whole, one below the other") {
    Document const document = list_of({item("agent-1", "A name", 2), item("agent-2", "B", 3)});
    CHECK(render_screen(document, {.columns = 15}).text ==
          "Agent:  agent-1\n"
          "Name:   A name\n"
          "Keys:   2\n"
          "\n"
          "Agent:  agent-2\n"
          "Name:   B\n"
          "Keys:   3\n");
    CHECK(render_screen(list_of({}), {.columns = 15}).text.empty());
}

TEST_CASE("hostile text is escaped on a screen, in columns and below each other") {
    for (std::size_t const columns : {200u, 20u}) {
        std::string const text = render_screen(list_of({item("a1", hostile, 1)}), {.columns = columns}).text;
        CHECK_FALSE(holds_raw_control(text));
        CHECK(text.find("\\x1b[31m\\u202eevil") != text.npos);
    }
}

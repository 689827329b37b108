#pragma once

#include "cli/output/chart.hpp"
#include "relay/model/text_of.hpp"
#include "relay/model/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

/// What a command has to say on stdout, free of any format: one description that the renderer turns into table, json, jsonl, csv, id, env.
namespace relay::cli {

struct Field;
/// Fields in their order of appearance.
using Record = std::vector<Field>;

/// Words with instants among them: "BLOCKED since ", at, " by ana". A terminal shows each instant with its distance from now.
struct Phrase : std::vector<std::variant<std::string, Instant>> {
    using vector::vector;
};

/// What is JSON already, as it comes from the database.
struct JsonText {
    std::string text;
    bool operator==(JsonText const &) const = default;
};

/// Null is `std::monostate`: JSON null, nothing in a table or CSV. Counts and `_seconds` are integers; ids are strings.
///
/// Every document is made of hundreds of these, in initializer lists that copy them. So what makes, copies and ends one is not inline: it was a
/// third of the code of each file that makes documents.
struct Value : std::variant<std::monostate, bool, std::int64_t, std::string, Instant, std::vector<std::string>,
                            std::vector<std::int64_t>, JsonText, Record, std::vector<Record>, Phrase> {
    Value() noexcept;
    Value(std::monostate) noexcept;
    Value(bool value);
    Value(std::int64_t value);
    Value(int value);
    Value(std::string value);
    Value(char const *text);
    Value(Instant value);
    Value(std::vector<std::string> value);
    Value(std::vector<std::int64_t> value);
    Value(JsonText value);
    Value(Record value);
    Value(std::vector<Record> value);
    Value(Phrase value);
    /// An id, a subject, or an enum with a table: its text.
    template <HasText T>
    Value(T const &value) : Value(std::string(text_of(value))) {}
    template <HasText T>
    Value(std::vector<T> const &values) : Value(texts_of(values)) {}
    template <typename T>
    Value(std::optional<T> const &value) : Value() {
        if (value) {
            *this = Value(*value);
        }
    }
    Value(Value const &other);
    Value(Value &&other) noexcept;
    Value &operator=(Value const &other);
    Value &operator=(Value &&other) noexcept;
    ~Value();
};

/// What becomes of a list's column where a terminal has no room for all of them.
struct Room {
    int leaves = 0;  ///< 0: it stays; otherwise the columns with the highest numbers leave first
    bool cut = false;  ///< may be cut, ending in an ellipsis; not for what is copied or acted upon: ids, states
};

struct Field {
    Field(std::string key, std::string label, Value value, Room room = {});
    Field(Field const &other);
    Field(Field &&other) noexcept;
    Field &operator=(Field const &other);
    Field &operator=(Field &&other) noexcept;
    ~Field();

    std::string key;  ///< in machine formats: snake_case; empty: not shown to machines
    std::string label;  ///< in tables: "Org ID", or a column's header; empty: not shown to people
    Value value;
    Room room{};
};

struct Document {
    std::string kind;  ///< "Agent", "AgentList", "AgentKeyRotation"
    std::string id_key;  ///< the key whose value `-o id` prints: "agent_id"
    bool is_list = false;
    bool changed = false;
    bool dry_run = false;
    Record data{};  ///< for one thing
    std::optional<Chart>
        chart{};  ///< of one thing: drawn at a terminal alone, between what is told in lines and in lists
    std::vector<Record> items{};  ///< for a list
    Record
        columns{};  ///< for a list: the fields of an item with null values, so that an empty list still has its headers
    std::optional<std::string> next{};  ///< a list's cursor, if there is more
    std::vector<std::string> warnings{};  ///< also printed on stderr
    std::optional<std::string> request_id{};
    std::optional<std::string> trace_id{};
    std::optional<Instant> at{};  ///< the database's clock
    std::optional<std::string> actor{};
    std::optional<std::string> db_role{};
};

}  // namespace relay::cli

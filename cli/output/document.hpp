#pragma once

#include "cli/output/chart.hpp"
#include "relay/model/text_of.hpp"
#include "relay/model/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

/// The result of a command, independent of any format. The renderer turns this one description into a table, json,
/// jsonl, csv, id or env.
namespace relay::cli {

struct Field;
/// Fields in their order of appearance.
using Record = std::vector<Field>;

/// Text with instants in it: "BLOCKED since ", at, " by ana". A terminal also shows how long ago each instant was.
struct Phrase : std::vector<std::variant<std::string, Instant>> {
    using vector::vector;
};

/// Text that is JSON already, as it comes from the database.
struct JsonText {
    std::string text;
    bool operator==(JsonText const &) const = default;
};

/// Null is `std::monostate`: JSON null, an empty cell in a table or CSV. Counts and `_seconds` are integers; ids are
/// strings.
///
/// Every document consists of hundreds of values, in initializer lists that copy them. So constructors, copies and the
/// destructor are not inline: inline, they were a third of the code of each file that makes documents.
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
    /// Of an id, a subject, or an enum that has a table of texts: its text.
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

/// What happens to a list's column if the terminal is too narrow for all columns.
struct Room {
    int leaves = 0;  ///< 0: always shown; otherwise columns with higher numbers are left out first
    bool cut = false;  ///< may be cut, with an ellipsis; never for ids and states, which people copy or act on
};

struct Field {
    Field(std::string key, std::string label, Value value, Room room = {});
    Field(Field const &other);
    Field(Field &&other) noexcept;
    Field &operator=(Field const &other);
    Field &operator=(Field &&other) noexcept;
    ~Field();

    std::string key;  ///< in machine formats, in snake_case; empty: only for people
    std::string label;  ///< in tables: "Org ID", or a column's header; empty: only for machines
    Value value;
    Room room{};
};

struct Document {
    std::string kind;  ///< "Agent", "AgentList", "AgentKeyRotation"
    std::string id_key;  ///< the key whose value `-o id` prints: "agent_id"
    bool is_list = false;
    bool changed = false;
    bool dry_run = false;
    bool some_failed = false;  ///< some rows of a batch were refused: `changed` is about the others
    Record data{};  ///< if it is not a list
    std::optional<Chart> chart{};  ///< if it is not a list: for a terminal only, between fields and inner lists
    std::vector<Record> items{};  ///< of a list
    Record columns{};  ///< of a list: an item's fields with null values, so that an empty list still has headers
    Record about_list{};  ///< of a list: what is said of all of it, beside its items; only in -o json
    Record totals{};  ///< of a list: what its items come to; in -o json, and in the Summary of jsonl
    std::optional<std::string> next{};  ///< of a list: where the next page begins, if there is one
    std::vector<std::string> warnings{};  ///< also printed on stderr
    std::optional<std::string> request_id{};
    std::optional<std::string> trace_id{};
    std::optional<Instant> at{};  ///< the database's clock
    std::optional<std::string> actor{};
    std::optional<std::string> db_role{};
};

}  // namespace relay::cli

#include "cli/input/json_rows.hpp"

#include "cli/input/blanks.hpp"
#include "cli/json/json.hpp"
#include "relay/model/column_names.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <algorithm>
#include <set>

namespace relay::cli {

namespace {

/// Returns the object without what hand-made lines have around it.
std::string_view bare(std::string_view line) {
    line = trimmed(line);
    return line.ends_with(',') ? trimmed(line.substr(0, line.size() - 1)) : line;
}

std::vector<std::string> names_of(JsonObject const &object) {
    std::vector<std::string> names;
    for (auto const &[name, member] : object) {
        names.push_back(name);
    }
    return names;
}

/// Makes rows of objects, and remembers which names of the map they have.
class Rows {
  public:
    Rows(std::string const &name, WantedColumns const &wanted, TakeRow const &take)
        : m_name(name), m_wanted(wanted), m_take(take) {}

    void add(std::size_t line, std::string_view json, std::string fault) {
        InputRow row;
        try {
            row = fault.empty() ? read(json) : InputRow{.fault = std::move(fault)};
        } catch (Error const &error) {
            row = {.fault = error.message()};  // two members could be one column
        }
        row.line = line;
        m_take(std::move(row));
        m_has_rows = true;
    }

    /// Throws Error (usage) if the first object has the rows inside it. `object` has no end if it is too long for the
    /// memory.
    void refuse_wrapper(std::string_view object, bool ends) const {
        std::string const &required = m_wanted.theirs(m_wanted.required);
        if (ends) {
            auto const members = read_json_object(object);
            if (!members || has_column(names_of(*members), required)) {
                return;
            }
        } else if (object.substr(0, object.find('[')).find('"' + required + '"') != object.npos) {
            return;
        }
        if (std::string const path = json_list_path(object); !path.empty()) {
            throw Error(ErrorKind::usage, m_name + " is one JSON object around its rows",
                        {.why = "they are in its list " + quote_for_message(path.substr(1)),
                         .next = "jq -c '" + path + "[]' " + m_name +
                                 ", and give its output to this command, with - instead of the file"});
        }
    }

    std::vector<std::string> unused() const {
        std::vector<std::string> names;
        for (auto const &[column, theirs] : m_wanted.map) {
            if (m_has_rows && !theirs.empty() && m_used.count(column) == 0) {
                names.push_back(theirs);
            }
        }
        return names;
    }

  private:
    InputRow read(std::string_view json) {
        if (std::string fault = encoding_fault(json); !fault.empty()) {
            return {.fault = std::move(fault)};
        }
        auto const object = read_json_object(json);
        if (!object) {
            return {.fault = json_object_fault(json)};
        }
        std::vector<std::string> const names = names_of(*object);
        InputRow row;
        std::set<std::size_t> ours;
        for (std::string const &column : m_wanted.known) {
            std::string const &theirs = m_wanted.theirs(column);
            auto const found = theirs.empty() ? std::nullopt : find_column(names, theirs);
            if (found) {
                ours.insert(*found);
                m_used.insert(column);
                put(row, column, object->at(names[*found]));
            }
            if (!row.fault.empty()) {
                return {.fault = std::move(row.fault)};
            }
        }
        for (std::size_t i = 0; i < names.size(); ++i) {
            if (ours.count(i) == 0 && m_wanted.takes(names[i])) {
                put_other(row, names[i], object->at(names[i]));
            }
        }
        return row;
    }

    /// Stores one member. A number is what its digits say; a fraction or an exponent was rounded by some program.
    static void put(InputRow &row, std::string const &column, JsonMember const &member) {
        switch (member.kind) {
            case JsonMember::Kind::null: break;
            case JsonMember::Kind::boolean:
                row.truths.push_back(column);
                put_column(row, column, member.truth ? "true" : "false");
                break;
            case JsonMember::Kind::number:
                if (member.text.find_first_not_of("0123456789", member.text.starts_with('-') ? 1 : 0) !=
                    std::string::npos) {
                    row.fault = "its " + column + " is a number that is not exact; write it as a text, in quotes";
                }
                put_column(row, column, member.text);
                break;
            case JsonMember::Kind::text: put_column(row, column, member.text); break;
            case JsonMember::Kind::structured: row.columns[column] = member.text; break;
            case JsonMember::Kind::twice: row.fault = "it has the name " + column + " twice"; break;
        }
    }

    /// Stores a member that is not one of ours, whatever it is.
    static void put_other(InputRow &row, std::string const &name, JsonMember const &member) {
        bool const is_truth = member.kind == JsonMember::Kind::boolean;
        if (member.kind != JsonMember::Kind::null) {
            put_column(row, name, is_truth ? std::string_view(member.truth ? "true" : "false") : member.text);
        }
    }

    std::string const &m_name;
    WantedColumns const &m_wanted;
    TakeRow const &m_take;
    std::set<std::string> m_used{};
    bool m_has_rows = false;
};

void read_lines(TextSource &source, Rows &rows) {
    std::size_t number = 1;
    for (std::size_t size = load_line(source); size != std::string_view::npos; size = load_line(source), ++number) {
        std::string_view const line = source.view().substr(0, size);
        bool const whole = size < source.view().size() || source.ended();
        if (!whole) {
            rows.add(number, {}, "longer than 256 KiB");
        } else if (!is_blank(line)) {
            rows.add(number, bare(line), {});
        }
        source.take(std::min(size + 1, source.view().size()));
        if (!whole) {
            source.skip_line();
        }
    }
}

/// Skips blank lines in `text` from `at`, and returns where the next line with something in it begins; npos if it is
/// not there.
std::size_t next_text(std::string_view text, std::size_t at) { return text.find_first_not_of(" \t\r\n", at); }

/// Returns whether each object is on one line: the first is, or a second one begins on the next line.
bool has_lines(TextSource &source) {
    while (true) {
        std::string_view const text = source.view();
        std::size_t const begin = next_text(text, 0);
        std::size_t const end = text.find('\n', std::min(begin, text.size()));
        std::size_t const second = end == text.npos ? text.npos : next_text(text, end);
        if (second != text.npos || !source.read_on()) {
            std::string_view const line = bare(source.view().substr(std::min(begin, source.view().size())));
            std::string_view const first = bare(line.substr(0, line.find('\n')));
            bool const two_objects = second != text.npos ? source.view()[second] == '{' : source.ended();
            return json_value_size(first) == first.size() || two_objects;
        }
    }
}

}  // namespace

std::vector<std::string> read_json_rows(TextSource &source, std::string const &name, WantedColumns const &wanted,
                                        TakeRow const &take) {
    Rows rows(name, wanted, take);
    bool const is_object = trimmed(source.view()).starts_with('{');
    bool const lines = is_object && has_lines(source);
    if (lines) {
        std::string_view const text = trimmed(source.view());
        rows.refuse_wrapper(bare(text.substr(0, text.find('\n'))), true);
    } else if (is_object) {
        while (json_value_size(trimmed(source.view())) == std::string_view::npos && source.read_on()) {}
        std::string_view const text = trimmed(source.view());
        std::size_t const size = json_value_size(text);
        rows.refuse_wrapper(text.substr(0, size), size != text.npos);
    }
    if (lines) {
        read_lines(source, rows);
    } else {
        read_json_values(source, [&](std::size_t line, std::string_view json, std::string const &fault) {
            rows.add(line, json, fault);
        });
    }
    return rows.unused();
}

}  // namespace relay::cli

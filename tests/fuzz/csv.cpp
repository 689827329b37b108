// CsvReader gives the same records for a text as a whole and in pieces; fields that are written as CSV read back.
#include "cli/input/csv.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/fuzz/rows.hpp"

#include <algorithm>

using namespace relay;
using namespace relay::cli;
using namespace relay::fuzz;

namespace {

using Records = std::vector<CsvReader::Record>;

Records read(TextSource source) {
    Records records;
    CsvReader reader(source);
    while (auto record = reader.next()) {
        records.push_back(*std::move(record));
    }
    return records;
}

bool same(Records const &a, Records const &b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](auto const &x, auto const &y) {
        return x.line == y.line && x.fault == y.fault && (!x.fault.empty() || x.fields == y.fields);
    });
}

void check_reading(Choices choices) {
    std::size_t const piece = choices.below(256) + 1;
    std::string_view const text = choices.rest();
    Records const whole = read(TextSource::of(text));
    require(same(whole, read(in_pieces(text, piece))), "pieces give what the whole gives");
    auto const lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
    require(whole.size() <= lines, "a record is at least a line");
    std::size_t line = 0;
    for (auto const &record : whole) {
        require(record.line > line && record.line <= lines, "lines rise");
        line = record.line;
    }
}

void check_writing(Choices choices) {
    std::vector<std::vector<std::string>> rows(1);
    std::string text;
    while (!choices.rest().empty() && text.size() < TextSource::most_at_once / 4) {
        std::string const field(choices.take(choices.below(20)));
        text += '"';
        for (char const c : field) {
            text += c == '"' ? "\"\"" : std::string(1, c);
        }
        text += '"';
        rows.back().push_back(field);
        bool const ends = choices.below(4) == 0;
        text += ends ? (choices.below(2) == 0 ? "\n" : "\r\n") : ",";
        if (ends) {
            rows.emplace_back();
        }
    }
    rows.back().emplace_back();  // after the last comma or line end
    std::erase_if(rows, [](auto const &row) { return row.size() == 1 && row.front().empty(); });
    Records const records = read(TextSource::of(text));
    require(records.size() == rows.size(), "every row reads back");
    for (std::size_t i = 0; i < rows.size(); ++i) {
        require(records[i].fault.empty() && records[i].fields == rows[i], "every field reads back");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const *data, std::size_t size) {
    Choices choices(data, size);
    choices.below(2) == 0 ? check_reading(choices) : check_writing(choices);
    return 0;
}

// read_rows gives the same rows for a text as a whole and in pieces, with our columns only, each within its bound.
#include "tests/fuzz/rows.hpp"
#include "cli/input/row_reader.hpp"
#include "relay/model/text.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <algorithm>

using namespace relay;
using namespace relay::cli;
using namespace relay::fuzz;

namespace {

std::vector<std::string> const known{"agent_id", "name", "permissions"};

std::optional<std::vector<InputRow>> read(TextSource source) {
    return accepted([&] {
        std::vector<InputRow> rows;
        read_rows(source, "fuzz.csv", {}, known, "agent_id", [&](InputRow row) { rows.push_back(std::move(row)); });
        return rows;
    });
}

bool same(InputRow const &a, InputRow const &b) {
    return a.line == b.line && a.fault == b.fault && a.columns == b.columns;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const *data, std::size_t size) {
    Choices choices(data, size);
    std::size_t const piece = choices.below(256) + 1;
    std::string const head = choices.below(2) == 0 ? "agent_id,name,permissions\n" : "";
    std::string const text = head + std::string(choices.rest());
    auto const whole = read(TextSource::of(text));
    auto const pieces = read(in_pieces(text, piece));
    require(whole.has_value() == pieces.has_value(), "pieces are refused as the whole is");
    if (!whole) {
        return 0;
    }
    require(std::equal(whole->begin(), whole->end(), pieces->begin(), pieces->end(), same),
            "pieces give what the whole gives");
    for (InputRow const &row : *whole) {
        require(row.fault.empty() || row.columns.empty(), "a row with a fault has no columns");
        require(row.fault.size() < 300, "a fault has a bound");
        for (auto const &[column, value] : row.columns) {
            require(std::find(known.begin(), known.end(), column) != known.end(), "a row has our columns only");
            require(!value.empty() && value.size() <= 2 * TextSource::most_at_once, "a value has a bound");
        }
    }
    return 0;
}

#pragma once

#include "relay/scan/findings.hpp"
#include "relay/scan/inside.hpp"
#include "relay/scan/layer.hpp"
#include "relay/scan/log_lines.hpp"
#include "relay/scan/numbers.hpp"

#include <string_view>

namespace relay::scan {

/// Finds keys in any input (a log, a diff, a paste, a dump) that it gets in pieces of any size.
///
/// Looks for keys in clear text and behind all_encodings(), also nested. Needs no word borders. Names the compressed and
/// encrypted parts, in which it cannot look. Memory does not depend
/// on the size of the input, only on the number of different keys. Text without a mark of an encoding is skipped
/// quickly; the work for any other byte has a bound (Layer).
class Scanner {
  public:
    explicit Scanner(TakeKey take = {});
    void feed(std::string_view piece);
    /// Ends the input. The scanner can then be used for another one.
    Findings finish();

  private:
    void scan(std::string_view piece);

    Collector m_collector;
    Inside m_inside;
    Numbers m_numbers;
    Layer m_input;
    LogLines m_log;
    std::uint64_t m_read = 0;
};

}  // namespace relay::scan

#include "cli/command_line/end_time.hpp"

#include "relay/model/error.hpp"

namespace relay::cli {

EndTime parse_end_time(std::optional<std::string> const &text, std::string_view what, std::string_view without) {
    if (!text) {
        return {};
    }
    try {
        // Only a time has a `-` inside.
        if (text->find('-') != text->npos && text->front() != '-') {
            return parse_instant(*text);
        }
        std::chrono::seconds const length = parse_duration(*text);
        if (length.count() > 0) {
            return length;
        }
    } catch (Error const &error) {
        throw Error(error.kind(), "--until: " + error.message(),
                    {.why = error.hint().why, .next = "as in --until 2h, or --until 2026-11-22T06:00:00Z"});
    }
    throw Error(ErrorKind::usage, "--until 0 would end " + std::string(what) + " immediately",
                {.next = "omit --until " + std::string(without)});
}

}  // namespace relay::cli

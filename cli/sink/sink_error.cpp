#include "cli/sink/sink_error.hpp"

#include <cstring>
#include <utility>

namespace relay::cli {

Error sink_error(std::string const &message, int error_number, Advice next) {
    return Error(ErrorKind::sink, message + ": " + std::strerror(error_number) + "; nothing was changed",
                 {.next = std::move(next)});
}

Error sink_refusal(std::string const &message, std::string why, Advice next) {
    return Error(ErrorKind::sink, message + "; nothing was changed", {.why = std::move(why), .next = std::move(next)});
}

}  // namespace relay::cli

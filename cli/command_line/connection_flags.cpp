#include "cli/command_line/connection_flags.hpp"

#include "cli/output/command_text.hpp"
#include "relay/db/conninfo.hpp"
#include "relay/model/text.hpp"

namespace relay::cli {

std::vector<std::string> connection_flags(Globals const &globals) {
    if (globals.sandbox) {
        return {"--sandbox"};
    }
    std::vector<std::string> words;
    if (globals.dsn) {
        add_flag_words(words, "--dsn", db::is_fit_to_show(*globals.dsn) ? *globals.dsn : "CONNINFO");
    } else if (globals.dsn_file) {
        add_flag_words(words, "--dsn-file", may_hold_password(*globals.dsn_file) ? "FILE" : *globals.dsn_file);
    } else if (globals.service) {
        add_flag_words(words, "--service", may_hold_password(*globals.service) ? "NAME" : *globals.service);
    }
    return words;
}

}  // namespace relay::cli

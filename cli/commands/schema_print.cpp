#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/context.hpp"
#include "cli/output/output.hpp"
#include "relay/schema/migrate.hpp"

#include <memory>

namespace relay::cli::schema_print_command {

namespace {

struct Options {
    std::optional<std::int64_t> only{};
};

ExitStatus run(Options const &options, Context &context) {
    context.output().print(schema_script(options.only ? std::optional(static_cast<int>(*options.only)) : std::nullopt));
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto options = std::make_shared<Options>();
    add_integer(set, {.names = "--only", .type = "N", .description = "print only migration N"}, {.min = 1, .max = 9999},
                options->only);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "schema print",
    .summary = "print the migrations as SQL for psql",
    .doc =
        R"(Prints the migrations as relay-admin would send them, each in its own transaction and with its record. Use
it to read or review them, or for a database that only its owner's tools may change. `schema status` reports a
database made by psql from this text as `current`. The command needs no database. It always prints plain SQL, whatever
--output says.

The script is for a database without the schema. If the schema is behind, print the missing migrations one by one with
--only. Run it with ON_ERROR_STOP; otherwise psql continues with the next migration after an error.

Exit 0: printed. 3: no migration has that number.

EXAMPLES
  relay-admin schema print
  # one migration, for review
  relay-admin schema print --only 7)",
    .declare = declare,
    .prints = Prints::text,
};

}  // namespace relay::cli::schema_print_command

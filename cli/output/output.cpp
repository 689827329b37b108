#include "cli/output/output.hpp"

#include "cli/output/error_output.hpp"
#include "cli/output/list_renderer.hpp"
#include "cli/output/long_text.hpp"
#include "cli/output/pager.hpp"
#include "cli/output/render.hpp"
#include "cli/output/render_json.hpp"
#include "cli/output/screen.hpp"
#include "cli/output/untold.hpp"
#include "cli/posix/signals.hpp"
#include "cli/posix/write_all.hpp"
#include "relay/model/text.hpp"

#include <cstdlib>

#include <unistd.h>

namespace relay::cli {

namespace {

/// "no agent keys" of "AgentKeyList"
std::string nothing_found(std::string const &kind) {
    std::string words = "no";
    for (char const letter : item_kind(kind)) {
        bool const capital = letter >= 'A' && letter <= 'Z';
        words += capital ? std::string(" ") + static_cast<char>(letter - 'A' + 'a') : std::string(1, letter);
    }
    return plural(words);
}

}  // namespace

Output::Output(Globals const &globals, std::function<std::optional<DatabaseLabel>()> database)
    : m_globals(globals),
      m_database(std::move(database)),
      m_format(globals.format),
      m_quiet(globals.quiet),
      m_verbose(globals.verbose),
      m_no_pager(globals.no_pager),
      m_stdout_is_terminal(::isatty(STDOUT_FILENO) == 1),
      m_color(stderr_has_color(globals.color)) {}

void Output::show(Document const &document) { show(document, Through::screen); }

void Output::browse(Document const &document) { show(document, Through::pager); }

std::string Output::take_frame() {
    std::string frame = m_frame.value_or("");
    m_frame.reset();
    return frame;
}

void Output::say(std::string const &line) {
    if (m_frame) {
        *m_frame += line + '\n';
        return;
    }
    char const *const clear = last_words();  // of a visible progress line
    write_all(STDERR_FILENO, (clear != nullptr ? clear : "") + line + '\n');
}

void Output::preview(Document const &document) {
    Rendered const rendered = render(document, OutputFormat::table, screen_of(STDERR_FILENO));
    write_all(STDERR_FILENO, rendered.text);
    for (std::string const &line : rendered.notes) {
        note(line);
    }
}

std::optional<std::string> Output::pager() const {
    if (m_no_pager || !m_stdout_is_terminal || m_frame) {
        return {};
    }
    return pager_command([](char const *name) { return std::getenv(name); });
}

std::unique_ptr<LongText> Output::long_text(bool paged) {
    return std::make_unique<LongText>(
        paged ? pager() : std::nullopt, [this](std::string_view line) { warn(line); }, m_frame ? &*m_frame : nullptr);
}

std::unique_ptr<ListRenderer> Output::list_renderer() const {
    return make_list_renderer(m_format, screen_of(STDOUT_FILENO));
}

void Output::write_out(std::string_view text, Through through, Changed changed) {
    if (m_frame) {
        *m_frame += text;
        return;
    }
    std::optional<Screen> const screen = screen_of(STDOUT_FILENO);
    if (through == Through::pager && screen && pager() && is_taller(text, *screen)) {
        try {
            auto const paged = long_text();
            paged->write(text);
            paged->finish();
        } catch (ReaderGone const &) {
            // The user has seen enough.
        }
        return;
    }
    if (int const failure = write_all(STDOUT_FILENO, text); failure != 0) {
        fail_to_write("stdout", failure, changed);
    }
}

void Output::show(Document const &document, Through through) {
    int const descriptor = m_diverted ? STDERR_FILENO : STDOUT_FILENO;
    Rendered const rendered = render(document, m_format, screen_of(descriptor), database());
    Changed const changed = !document.changed || document.dry_run ? Changed::no
                            : document.some_failed                ? Changed::partly
                                                                  : Changed::yes;
    if (!m_diverted) {
        write_out(rendered.text, through, changed);
    } else if (int const failure = write_all(descriptor, rendered.text); failure != 0) {
        fail_to_write("stderr", failure, changed);
    }
    bool const for_people = m_format == OutputFormat::table || m_format == OutputFormat::csv;
    if (for_people && document.is_list && document.items.empty()) {
        note(nothing_found(document.kind));
    }
    conclude(document, rendered.notes);
}

void Output::conclude(Document const &document, std::vector<std::string> const &notes) {
    for (std::string const &warning : document.warnings) {
        warn(warning);
    }
    for (std::string const &line : notes) {
        note(line);
    }
    std::optional<DatabaseLabel> const asked = database();
    if ((document.changed || document.dry_run) && asked && asked->name) {
        note("database: " + describe(*asked));
    }
    bool const for_people = m_format == OutputFormat::table || m_format == OutputFormat::csv;
    if (for_people && document.next) {
        note("there are more: use a higher --limit");
    }
    if (document.dry_run) {
        say("dry run: nothing was changed");  // even with -q: the table itself does not say it
    }
}

void Output::print(std::string_view text) { write_out(text, Through::pager, Changed::no); }

Progress::Stream Output::progress_stream() const {
    using Kind = Progress::Stream::Kind;
    bool const rewritable =
        screen_of(STDERR_FILENO) && obeys_escapes([](char const *name) { return std::getenv(name); });
    return {
        .kind = m_quiet      ? Kind::none
                : rewritable ? Kind::terminal
                             : Kind::log,
        .columns = [] { return screen_of(STDERR_FILENO).value_or(Screen()).columns; },
        .write = [](std::string_view text) { write_all(STDERR_FILENO, text); },
    };
}

void Output::note(std::string_view line) {
    if (!m_quiet) {
        say(escape_for_terminal(line));
    }
}

void Output::warn(std::string_view line) {
    bool const colored = m_color && !m_frame;
    say((colored ? "\033[1;33mwarning:\033[0m " : "warning: ") + escape_for_terminal(line));
}

void Output::detail(std::string_view line) {
    if (m_verbose) {
        say(escape_for_terminal(line));
    }
}

}  // namespace relay::cli

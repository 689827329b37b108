#include "cli/output/redraw.hpp"

#include "cli/command_line/options.hpp"
#include "cli/command_line/shared_flags.hpp"
#include "cli/context.hpp"
#include "cli/output/output.hpp"
#include "cli/output/screen.hpp"
#include "cli/output/text_width.hpp"
#include "cli/output/untold.hpp"
#include "cli/posix/write_all.hpp"
#include "relay/model/error.hpp"
#include "relay/model/format_text.hpp"
#include "relay/model/text.hpp"

#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>

namespace relay::cli {

namespace {

std::vector<std::string> lines_of(std::string const &text) {
    std::vector<std::string> lines;
    for (std::size_t begin = 0; begin < text.size();) {
        std::size_t const end = std::min(text.find('\n', begin), text.size());
        lines.push_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    return lines;
}

/// Draws frames on stdout, each over the one before.
class Drawing {
  public:
    /// Throws as fail_to_write.
    void draw(std::string const &text, std::string const &last_line) {
        Screen const screen = screen_of(STDOUT_FILENO).value_or(Screen());
        std::vector<std::string> lines = lines_of(text);
        std::size_t const room = screen.lines > 3 ? screen.lines - 2 : 1;  // the last line, and the cursor below it
        if (lines.size() > room) {
            std::string const hidden = std::to_string(lines.size() - room + 1);
            lines.resize(room - 1);
            lines.push_back("... and " + hidden + " more lines");
        }
        lines.push_back(last_line);
        std::string frame = m_drawn > 0 ? "\r\033[" + std::to_string(m_drawn) + "A" : "";
        for (std::string const &line : lines) {
            frame += cut_to_width(line, screen.columns) + "\033[K\n";
        }
        m_drawn = std::min(lines.size(), screen.lines - 1);
        if (int const failure = write_all(STDOUT_FILENO, frame + "\033[J"); failure != 0) {
            fail_to_write("stdout", failure, Changed::no);
        }
    }

  private:
    std::size_t m_drawn = 0;
};

void require_terminal(Context &context) {
    bool const obeys = obeys_escapes([](char const *name) { return std::getenv(name); });
    if (context.globals().format != OutputFormat::table) {
        throw Error(ErrorKind::usage, "--watch draws a table for people, so it does not fit --output",
                    {.next = "omit --output, or run the command again and again"});
    }
    if (!context.output().stdout_is_terminal() || !obeys) {
        throw Error(ErrorKind::usage, "--watch needs a terminal on standard output",
                    {.why = "it draws each time over the last output",
                     .next = "omit --watch; to follow changes in a script, use watch"});
    }
}

}  // namespace

void declare_redraw(OptionSet &set, std::optional<std::chrono::seconds> &every) {
    add_duration(
        set, {.names = "--watch", .description = "draw it again each time this has passed: 2s (terminal only)"}, every);
}

ExitStatus redraw(Context &context, std::optional<std::chrono::seconds> const &every,
                  std::function<ExitStatus()> const &once) {
    if (!every) {
        return once();
    }
    require_some_time("--watch", every);
    require_terminal(context);
    Drawing drawing;
    std::string const rhythm = "every " + format_duration(*every) + "; Ctrl-C ends it";
    std::string shown;
    for (bool is_first = true;; is_first = false) {
        std::string last_line = rhythm;
        context.output().begin_frame();
        try {
            once();
            shown = context.output().take_frame();
        } catch (Error const &error) {
            context.output().take_frame();
            if (is_first || error.kind() != ErrorKind::unavailable) {
                throw;
            }
            last_line = "not up to date: " + escape_for_terminal(what_failed(error)) + "; trying again";
        }
        drawing.draw(shown, last_line);
        std::this_thread::sleep_for(*every);
    }
}

}  // namespace relay::cli

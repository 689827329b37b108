#pragma once

#include "cli/context.hpp"
#include "cli/output/document.hpp"
#include "cli/output/progress.hpp"
#include "relay/model/database_label.hpp"
#include "relay/model/error.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relay::cli {

class ListRenderer;
class LongText;

/// The two streams: stdout is for data, stderr for messages. Every write is checked.
class Output {
  public:
    /// `database` returns the database that the command has asked; none if there was none so far.
    explicit Output(Globals const &globals, std::function<std::optional<DatabaseLabel>()> database = {});

    /// Renders `document` in the chosen format to stdout, or to stderr after divert_to_stderr(); its warnings go to
    /// stderr. If the write fails, throws as fail_to_write (untold.hpp).
    void show(Document const &document);
    /// As show(), for a document that changes nothing: uses a pager if stdout is a terminal that is too small. Not for
    /// a document printed beside a secret, and not for one that is needed immediately.
    void browse(Document const &document);
    /// Shows a document as a table on stderr: what a question is about.
    void preview(Document const &document);
    /// What a list that comes piece by piece needs (ListOutput): the renderer of the chosen format; stdout, or (with
    /// `paged`) a pager if it is a terminal; the database that was asked; and a last word on stderr about what was shown.
    std::unique_ptr<ListRenderer> list_renderer() const;
    std::unique_ptr<LongText> long_text(bool paged = true);
    std::optional<DatabaseLabel> database() const { return m_database ? m_database() : std::nullopt; }
    void conclude(Document const &document, std::vector<std::string> const &notes);
    /// Writes text to stdout as it is, through a pager if it is too long for the terminal: the output of `schema
    /// print`, `help` and `version`.
    void print(std::string_view text);
    /// Returns where progress is shown: stderr, or nowhere with -q.
    Progress::Stream progress_stream() const;
    /// Uses `format` if no other than a table was asked for: for a command that is made for programs.
    void prefer(OutputFormat format) { m_format = m_format == OutputFormat::table ? format : m_format; }
    /// Sends documents to stderr from now on, because stdout carries a secret.
    void divert_to_stderr() { m_diverted = true; }
    /// Prints a message on stderr, escaped; nothing with -q.
    void note(std::string_view line);
    /// Prints a `warning:` line on stderr, even with -q.
    void warn(std::string_view line);
    /// Prints a message on stderr, only with -v.
    void detail(std::string_view line);

    /// Collects what would be shown, on either stream, until take_frame() returns it. Errors are not a part of it.
    void begin_frame() { m_frame.emplace(); }
    std::string take_frame();

    bool stdout_is_terminal() const { return m_stdout_is_terminal; }

  private:
    enum class Through { screen, pager };
    void show(Document const &document, Through through);
    /// Writes to stdout, or through a pager if the text is too long for the terminal. Throws as show() does.
    void write_out(std::string_view text, Through through, Changed changed);
    /// Prints a line on stderr, or adds it to the frame.
    void say(std::string const &line);
    /// Returns the pager; none: stdout is not a terminal, or no pager is wanted.
    std::optional<std::string> pager() const;

    Globals m_globals;
    std::function<std::optional<DatabaseLabel>()> m_database;
    OutputFormat m_format;
    bool m_quiet;
    bool m_verbose;
    bool m_no_pager;
    bool m_stdout_is_terminal;
    bool m_color;
    bool m_diverted = false;
    std::optional<std::string> m_frame{};
};

}  // namespace relay::cli

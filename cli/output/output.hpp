#pragma once

#include "cli/context.hpp"
#include "cli/output/document.hpp"
#include "cli/output/progress.hpp"
#include "relay/model/error.hpp"

#include <string>
#include <string_view>

namespace relay::cli {

/// The two streams: stdout is data, stderr is talk. Every write is checked.
class Output {
  public:
    explicit Output(Globals const &globals);

    /// Renders `document` in the chosen format to stdout, or to stderr after divert_to_stderr(); its warnings go to stderr.
    /// Throws Error (internal, changed as the document says) if the stream does not take it.
    void show(Document const &document);
    /// As show(), for what is looked at and changes nothing: through a pager if stdout is a terminal that is too small for it. Not for a
    /// document made beside a secret, and not for one on which somebody waits in a hurry.
    void browse(Document const &document);
    /// Writes text to stdout as it is, too long a one through a pager: the output of `schema print`, `help`, `version`.
    void print(std::string_view text);
    /// Where progress is to be shown: stderr, nowhere with -q.
    Progress::Stream progress_stream() const;
    /// Stdout now belongs to a secret: documents go to stderr.
    void divert_to_stderr() { m_diverted = true; }
    /// A line of talk on stderr, escaped; nothing with -q.
    void note(std::string_view line);
    /// A `warning:` line on stderr, also with -q.
    void warn(std::string_view line);
    /// Only with -v.
    void detail(std::string_view line);
    /// Tells of a failure: what, why, next; in JSON mode one object as the last line of stderr.
    void fail(Error const &error);

    bool stdout_is_terminal() const { return m_stdout_is_terminal; }

  private:
    enum class Through { screen, pager };
    void show(Document const &document, Through through);
    /// Writes to stdout, or through a pager. Returns 0 or the errno of the failure.
    int write_out(std::string_view text, Through through);

    Globals m_globals;
    OutputFormat m_format;
    bool m_quiet;
    bool m_verbose;
    bool m_no_pager;
    bool m_stdout_is_terminal;
    bool m_color;
    bool m_diverted = false;
};

}  // namespace relay::cli

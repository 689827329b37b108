#include "cli/output/long_text.hpp"

#include "cli/output/untold.hpp"
#include "cli/posix/write_all.hpp"
#include "relay/model/error.hpp"

#include <unistd.h>

namespace relay::cli {

namespace {

/// A pipe takes 64 KiB. If more is gone, a pager has read some of it, so it is not missing.
constexpr std::size_t most_kept = 256U << 10U;

}  // namespace

LongText::LongText(std::optional<std::string> command, std::function<void(std::string_view)> warn, std::string *frame)
    : m_command(command.value_or("")), m_warn(std::move(warn)), m_frame(frame) {
    if (command) {
        m_pager = std::make_unique<Pager>(m_command);
    }
}

void LongText::write(std::string_view text) {
    if (m_frame != nullptr) {
        m_frame->append(m_frame->size() < most_kept ? text : "");
        return;
    }
    if (!m_pager) {
        return write_to_stdout(text);
    }
    m_keeps = m_keeps && m_kept.size() + text.size() <= most_kept;
    m_keeps ? m_kept.append(text) : (m_kept = {});
    if (!m_pager->write(text)) {
        leave_pager();
    }
}

void LongText::finish() {
    if (m_pager) {
        try {
            leave_pager();
        } catch (ReaderGone const &) {
            // The pager has shown all that its user wanted to see.
        }
    }
}

void LongText::leave_pager() {
    bool const shown = m_pager->finish();
    m_pager.reset();
    if (shown) {
        throw ReaderGone();
    }
    if (!m_keeps) {
        throw Error(ErrorKind::unavailable, "the pager '" + m_command + "' failed; nothing was changed",
                    {.next = "try again with --no-pager"});
    }
    m_warn("the pager '" + m_command + "' failed; the text follows");
    write_to_stdout(m_kept);
}

void LongText::write_to_stdout(std::string_view text) {
    if (int const failure = write_all(STDOUT_FILENO, text); failure != 0) {
        fail_to_write("stdout", failure, Changed::no);
    }
}

}  // namespace relay::cli

#include "cli/sink/stream_sink.hpp"

#include "cli/output/output.hpp"
#include "cli/posix/files.hpp"
#include "cli/sink/sink_error.hpp"
#include "relay/crypto/random_ids.hpp"

#include <unistd.h>
#include <cerrno>
#include <cstdlib>

namespace relay::cli {
namespace {

/// Returns whether this runs in GitHub Actions. There stderr goes to the log, and the runner reads its commands from
/// it; it hides every value that it was asked to mask.
bool is_github_actions() {
    auto const *value = std::getenv("GITHUB_ACTIONS");
    return value != nullptr && std::string_view(value) == "true";
}

std::optional<SecretBuffer> masks_for(SecretFormat format, ApiKey const &key) {
    constexpr std::string_view command = "::add-mask::";
    if (format == SecretFormat::sealed || !is_github_actions()) {
        return std::nullopt;
    }
    if (format == SecretFormat::k8s) {
        auto const encoded = base64_secret(key.reveal());
        return join_secret({command, key.reveal(), "\n", command, encoded.reveal(), "\n"});
    }
    return join_secret({command, key.reveal(), "\n"});
}

}  // namespace

StreamSink::StreamSink(Kind kind, int fd, Rendering rendering, Output &output, StreamPatience patience)
    : m_kind(kind),
      m_fd(fd),
      m_is_terminal(::isatty(fd) == 1),
      m_rendering(std::move(rendering)),
      m_output(output),
      m_patience(patience) {
    require_usable_stream(m_fd, name());
}

std::string StreamSink::name() const {
    return m_kind == Kind::inherited ? "file descriptor " + std::to_string(m_fd) : "standard output";
}

std::string StreamSink::destination() const {
    switch (m_kind) {
        case Kind::terminal: return "terminal";
        case Kind::standard_output: return "stdout";
        default: return "fd:" + std::to_string(m_fd);
    }
}

OperationId StreamSink::prepare(NewKey const &issued) {
    auto const medium = m_kind == Kind::terminal ? Medium::labelled_terminal
                        : m_is_terminal          ? Medium::terminal
                                                 : Medium::program;
    m_secret_name = issued.agent != nullptr ? "API key" : "admin token";
    m_key_id = issued.key.id().text();
    m_content = render_secret(m_rendering, issued, medium);
    m_masks = m_kind == Kind::inherited ? std::nullopt : masks_for(m_rendering.format, issued.key);
    m_written = false;
    return generate_operation_id();
}

void StreamSink::deliver() {
    if (!m_content) {
        throw Error(ErrorKind::internal, "a secret cannot be delivered before it is prepared");
    }
    if (m_masks) {
        write_to_stream(STDERR_FILENO, m_masks->reveal(), "standard error", {.room = m_patience.room, .taken = {}});
    }
    m_written = true;  // from here on, part of it may have been read
    write_to_stream(m_fd, m_content->reveal(), name(), m_patience);
    m_masks.reset();
    m_content.reset();
}

void StreamSink::committed() {
    if (m_written && m_is_terminal) {
        m_output.note("save the " + m_secret_name + " now: it is not stored and cannot be shown again");
    }
    m_written = false;
}

void StreamSink::rolled_back() noexcept { tell("is not active and never will be"); }

void StreamSink::left_unknown() noexcept { tell("may or may not be active; keep it until you know"); }

void StreamSink::tell(std::string const &fate) noexcept {
    m_masks.reset();
    m_content.reset();
    if (!std::exchange(m_written, false)) {
        return;
    }
    try {
        auto const where = m_kind == Kind::terminal ? std::string("above") : "written to " + name();
        m_output.warn("the " + m_secret_name + " " + where + " (key id " + m_key_id + ") " + fate);
    } catch (...) {
        // The error that follows reports the outcome itself; there is no other stream to report this to.
    }
}

}  // namespace relay::cli

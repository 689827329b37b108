#include "cli/sink/file_sink.hpp"

#include "cli/output/output.hpp"
#include "cli/sink/leftover.hpp"
#include "cli/sink/secret_place.hpp"
#include "relay/crypto/random_ids.hpp"

namespace relay::cli {
FileSink::FileSink(std::string path, bool replace, Rendering rendering, Output &output)
    : m_path(std::move(path)),
      m_name(secret_file_name(m_path)),
      m_folder(open_secret_folder(m_path)),
      m_file(m_folder, m_name, replace),
      m_rendering(std::move(rendering)),
      m_output(output) {}

void FileSink::settle(Judge const &judge) {
    auto const settled = settle_in(*m_folder, m_name, judge);
    if (settled != Settled::nothing) {
        m_output.note(describe_settled(*m_folder, m_name, settled));
    }
}

OperationId FileSink::prepare(NewKey const &issued) {
    m_content = render_secret(m_rendering, issued, Medium::program);
    return operation_id_for(m_content->reveal());
}

void FileSink::deliver() {
    if (!m_content) {
        throw Error(ErrorKind::internal, "a secret cannot be delivered before it is prepared");
    }
    auto content = std::move(*m_content);
    m_content.reset();
    m_file.write(std::move(content), m_database_id);
}

void FileSink::committed() {
    if (auto const warning = m_file.finish()) {
        m_output.warn(*warning);
    }
}

void FileSink::rolled_back() noexcept {
    m_content.reset();
    m_file.undo();
}

void FileSink::left_unknown() noexcept {
    m_content.reset();
    m_file.keep();
}

}  // namespace relay::cli

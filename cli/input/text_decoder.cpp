#include "cli/input/text_decoder.hpp"

#include <algorithm>
#include <memory>
#include <optional>

namespace relay::cli {

namespace {

/// UTF-16 without a mark: Latin letters, digits and separators have a zero byte, always in the same place of the two.
std::optional<Encoding> utf16_by_zeros(std::string_view head) {
    std::size_t zeros[2] = {0, 0};
    std::size_t const pairs = head.size() / 2;
    for (std::size_t i = 0; i < 2 * pairs; ++i) {
        zeros[i % 2] += head[i] == '\0' ? 1U : 0U;
    }
    auto const most = [&](std::size_t place) {
        return pairs >= 2 && zeros[place] * 2 > pairs && zeros[1 - place] == 0;
    };
    if (most(1)) {
        return Encoding::utf16_le;
    }
    return most(0) ? std::optional(Encoding::utf16_be) : std::nullopt;
}

/// The state of `decoded`, which its copies share.
class Decoding {
  public:
    Decoding(TextSource::Read raw, std::function<void(std::string_view)> check)
        : m_raw(std::move(raw)), m_check(std::move(check)) {}

    std::size_t read(std::span<char> room) {
        if (!m_decoder) {
            begin();
        }
        while (m_at == m_ready.size() && !m_ended) {
            more();
        }
        std::size_t const size = std::min(room.size(), m_ready.size() - m_at);
        std::copy_n(m_ready.begin() + static_cast<std::ptrdiff_t>(m_at), size, room.begin());
        m_at += size;
        return size;
    }

  private:
    static constexpr std::size_t piece_size = 16 * 1024;

    void begin() {
        std::string head(text_head_size, '\0');
        std::size_t size = 0;
        while (size < head.size()) {
            std::size_t const got = m_raw(std::span(head).subspan(size));
            if (got == 0) {
                break;
            }
            size += got;
        }
        head.resize(size);
        m_check(head);
        EncodingFound const found = detect_encoding(head);
        m_decoder.emplace(found.encoding);
        decode(std::string_view(head).substr(found.mark));
    }

    void more() {
        m_ready.clear();
        m_at = 0;
        m_piece.resize(piece_size);
        std::size_t const got = m_raw(m_piece);
        if (got > 0) {
            decode(std::string_view(m_piece).substr(0, got));
        } else {
            m_ended = true;
            m_decoder->finish([this](std::string_view text) { m_ready += text; });
        }
    }

    void decode(std::string_view bytes) {
        m_decoder->feed(bytes, [this](std::string_view text) { m_ready += text; });
    }

    TextSource::Read m_raw;
    std::function<void(std::string_view)> m_check;
    std::optional<TextDecoder> m_decoder{};
    std::string m_piece{};
    std::string m_ready{};
    std::size_t m_at = 0;
    bool m_ended = false;
};

}  // namespace

EncodingFound detect_encoding(std::string_view head) {
    using namespace std::string_view_literals;
    if (head.starts_with("\xEF\xBB\xBF")) {
        return {.encoding = Encoding::utf8, .mark = 3};
    }
    if (head.starts_with("\xFF\xFE\0\0"sv) || head.starts_with("\0\0\xFE\xFF"sv)) {
        return {.encoding = Encoding::utf32, .mark = 4};
    }
    if (head.starts_with("\xFF\xFE")) {
        return {.encoding = Encoding::utf16_le, .mark = 2};
    }
    if (head.starts_with("\xFE\xFF")) {
        return {.encoding = Encoding::utf16_be, .mark = 2};
    }
    return {.encoding = utf16_by_zeros(head).value_or(Encoding::utf8)};
}

TextSource::Read decoded(TextSource::Read raw, std::function<void(std::string_view head)> check) {
    auto const decoding = std::make_shared<Decoding>(std::move(raw), std::move(check));
    return [decoding](std::span<char> room) { return decoding->read(room); };
}

std::string decode_text(std::string_view raw) {
    EncodingFound const found = detect_encoding(raw.substr(0, text_head_size));
    TextDecoder decoder(found.encoding);
    std::string text;
    auto const put = [&](std::string_view piece) { text += piece; };
    decoder.feed(raw.substr(found.mark), put);
    decoder.finish(put);
    return text;
}

}  // namespace relay::cli

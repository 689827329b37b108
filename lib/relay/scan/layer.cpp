#include "relay/scan/layer.hpp"

#include "relay/scan/skip.hpp"

#include <algorithm>

namespace relay::scan {

Layer::Layer(Collector &collector, std::vector<Encoding> encodings)
    : m_collector(&collector),
      m_encodings(std::move(encodings)),
      m_depth(m_encodings.size() -
              static_cast<std::size_t>(std::count(m_encodings.begin(), m_encodings.end(), Encoding::log_lines))),
      m_matcher(collector, m_encodings),
      m_runs(*this),
      m_dump(*this) {}

Layer::~Layer() = default;

auto Layer::to_all() {
    return [this](char c, Origin const &origin) {
        ++m_collector->steps;
        unescaped(c, origin);
    };
}

auto Layer::to_third() {
    return [this, next = to_all()](char c, Origin const &origin) {
        ++m_collector->steps;
        m_third.put(c, origin, next);
    };
}

auto Layer::to_second() {
    return [this, next = to_third()](char c, Origin const &origin) {
        ++m_collector->steps;
        m_second.put(c, origin, next);
    };
}

void Layer::put(char c, Origin origin) {
    ++m_collector->steps;
    m_used = true;
    if (c == '\0') {
        m_after_nul = true;
        return;
    }
    if (m_after_nul) {
        origin.marks |= mark(Encoding::utf16);
        m_after_nul = false;
    }
    if (m_no_escape && !Unescape::is_introducer(c)) {
        unescaped(c, origin);
        return;
    }
    m_first.put(c, origin, to_second());
    m_no_escape = m_first.idle() && m_second.idle() && m_third.idle();
}

void Layer::read(std::string_view bytes, std::uint64_t offset) {
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        if (idle()) {
            at += skip(bytes.substr(at));
            if (at == bytes.size()) {
                break;
            }
        }
        if (bytes[at] == '\0') {  // of many NULs, only the last one matters
            at = std::min(bytes.find_first_not_of('\0', at), bytes.size()) - 1;
        }
        put(bytes[at], {.offset = offset + at});
    }
}

void Layer::end() {
    if (!m_used) {
        return;
    }
    ++m_collector->steps;
    m_first.end(to_second());
    m_second.end(to_third());
    m_third.end(to_all());
    m_matcher.end();
    m_runs.end();
    m_dump.end();
    m_after_nul = false;
    m_no_escape = true;
    m_used = false;
}

void Layer::unescaped(char c, Origin const &origin) {
    m_matcher.put(c, origin);
    m_runs.put(c, origin);
    m_dump.put(c, origin);
}

Layer &Layer::below(std::unique_ptr<Layer> &layer, Encoding encoding) const {
    if (!layer) {
        std::vector<Encoding> encodings = m_encodings;
        encodings.push_back(encoding);
        layer = std::make_unique<Layer>(*m_collector, std::move(encodings));
    }
    return *layer;
}

}  // namespace relay::scan

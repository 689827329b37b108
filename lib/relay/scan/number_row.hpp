#pragma once

#include "relay/scan/number_form.hpp"
#include "relay/scan/strand.hpp"

#include <memory>

namespace relay::scan {

class Collector;
class Layer;

/// Decodes the numbers of one form that follow each other.
///
/// A row begins with numbers of eight bytes of text between which there is always the same. A time, a date or the address of
/// a network card is shorter, and noise is stopped by Strand.
class NumberRow {
  public:
    NumberRow(Collector &collector, NumberForm const &form);
    ~NumberRow();

    /// What is before a number.
    struct Before {
        bool same;  ///< as before the last number
        bool line_end;
    };
    /// Takes the next number, which has this form. Returns true if a row begins with it, or with those before it.
    bool take(Digits const &number, Before before);
    /// Takes note of a number of another form. At the begin of a line, a longer one is an offset, as od prints it.
    void pass(Digits const &number, Before before);
    /// Takes note of something else. A row then waits for the next line.
    void interrupt();
    /// A row that waits continues with the next number.
    void resume() { m_waits = false; }
    void end();

    bool is_open() const { return m_open; }
    bool is_reading() const { return m_open && !m_waits; }
    bool is_busy() const { return m_open || m_seen > 0; }
    /// Returns whether numbers of this form can have that many digits.
    bool has_width(std::size_t digits) const { return digits >= m_form.least_digits && digits <= m_form.most_digits; }
    /// Returns where the numbers of this form begin in the line in which the row begins, also those that are not text.
    std::uint64_t begin() const { return m_begin; }

  private:
    struct Number {
        std::uint64_t value = 0;
        std::size_t bytes = 0;
        std::uint64_t offset = 0;
    };
    /// Words are read in both orders of their bytes.
    struct Order {
        Strand strand{};
        std::unique_ptr<Layer> layer{};
        Order();
        ~Order();
    };

    std::optional<Number> read(Digits const &number) const;
    bool is_text(Number const &number);
    void begin_row();
    void give(Number const &number);
    void give_byte(Order &order, char byte, std::uint64_t offset);

    static constexpr std::size_t most_kept = 8;

    Collector *m_collector;
    NumberForm m_form;
    detail::Wiped<std::array<Number, most_kept>> m_kept{};
    std::size_t m_count = 0;
    std::size_t m_nuls = 0;  ///< in a row
    bool m_open = false;
    bool m_waits = false;
    std::size_t m_seen = 0;  ///< numbers of this form without anything else between them, also those that are not text
    std::uint64_t m_begin = 0;
    std::uint64_t m_last = 0;  ///< where the last one of them begins
    Order m_in_order;
    Order m_swapped;
};

}  // namespace relay::scan

#pragma once

#include "relay/model/ids.hpp"

namespace relay {

/// An IP address, or a network: `203.0.113.7`, `203.0.113.0/24`, `2001:db8::/64`.
class IpRange : public detail::CheckedText<IpRange> {
  public:
    /// Throws Error (usage).
    static IpRange parse(std::string_view text);

  private:
    explicit IpRange(std::string text) : CheckedText(std::move(text)) {}
};

}  // namespace relay

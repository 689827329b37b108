#include "relay/model/outcome.hpp"

#include <algorithm>
#include <array>
#include <atomic>

namespace relay::outcome {
namespace {

// Plain memory, because it must be readable when there is no other. One thread runs transactions; a signal handler may
// ask what is committed.
std::array<char, 64> operation_sent{};
std::size_t operation_length = 0;
std::atomic<bool> is_sent = false;
std::atomic<bool> has_committed = false;
std::atomic<bool> has_more = false;
static_assert(std::atomic<bool>::is_always_lock_free);

}  // namespace

void commit_sent(std::string_view operation) noexcept {
    operation_length = std::min(operation.size(), operation_sent.size());
    std::copy_n(operation.begin(), operation_length, operation_sent.begin());
    is_sent = true;
}

void committed() noexcept {
    is_sent = false;
    has_committed = true;
}

void rolled_back() noexcept { is_sent = false; }

void expect_more(bool more) noexcept { has_more = more; }

Changed so_far() noexcept {
    if (is_sent) {
        return Changed::unknown;
    }
    return !has_committed ? Changed::no : has_more ? Changed::partly : Changed::yes;
}

std::string_view in_doubt() noexcept {
    return is_sent ? std::string_view(operation_sent.data(), operation_length) : "";
}

}  // namespace relay::outcome

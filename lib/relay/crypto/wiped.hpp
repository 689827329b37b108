#pragma once

#include <sodium.h>

#include <type_traits>

namespace relay::detail {

/// A small value on the stack for secret bytes: wiped when it goes out of scope, also by an exception.
template <typename T>
struct Wiped {
    static_assert(std::is_trivially_copyable_v<T>);

    T value{};

    Wiped() = default;
    Wiped(Wiped const &) = delete;
    Wiped &operator=(Wiped const &) = delete;
    ~Wiped() { sodium_memzero(&value, sizeof value); }
};

}  // namespace relay::detail

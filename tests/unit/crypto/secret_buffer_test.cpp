#include "relay/crypto/secret_buffer.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

using relay::SecretBuffer;

static_assert(!std::is_copy_constructible_v<SecretBuffer> && !std::is_copy_assignable_v<SecretBuffer>);
static_assert(std::is_nothrow_move_constructible_v<SecretBuffer> && std::is_nothrow_move_assignable_v<SecretBuffer>);

TEST_CASE("libsodium may be started any number of times") {
    relay::start_crypto();
    relay::start_crypto();
}

TEST_CASE("a new buffer of any size is all zero and can be written from end to end") {
    for (std::size_t size : {0u, 1u, 71u, 127u, 128u, 129u, 512u, 513u, 4096u, 100000u}) {
        SecretBuffer buffer(size);
        REQUIRE(buffer.size() == size);
        auto const bytes = buffer.writable();
        CHECK(std::all_of(bytes.begin(), bytes.end(), [](char c) { return c == 0; }));
        std::fill(bytes.begin(), bytes.end(), 'x');
        CHECK(buffer.reveal() == std::string(size, 'x'));
    }
}

TEST_CASE("memory that comes back holds nothing of the secret before") {
    char const *place = nullptr;
    {
        SecretBuffer const buffer = SecretBuffer::copy_of("a secret of some length");
        place = buffer.reveal().data();
    }
    CHECK(*place == 0);  // a small buffer's page stays mapped
    SecretBuffer const next(128);
    CHECK(next.reveal().data() == place);
    CHECK(next.reveal() == std::string(128, '\0'));
}

TEST_CASE("thousands of buffers live side by side without touching each other") {
    std::vector<SecretBuffer> buffers;
    for (int i = 0; i < 3000; ++i) {
        buffers.push_back(SecretBuffer::copy_of("secret " + std::to_string(i)));
    }
    for (int i = 0; i < 3000; i += 2) {
        buffers[static_cast<std::size_t>(i)] = SecretBuffer::copy_of("other " + std::to_string(i));
    }
    for (int i = 0; i < 3000; ++i) {
        CHECK(buffers[static_cast<std::size_t>(i)].reveal() == (i % 2 == 0 ? "other " : "secret ") + std::to_string(i));
    }
}

TEST_CASE("moving hands the bytes over and empties the source") {
    for (std::size_t size : {10u, 1000u}) {
        std::string const text(size, 's');
        SecretBuffer first = SecretBuffer::copy_of(text);
        SecretBuffer second(std::move(first));
        CHECK(first.size() == 0);  // NOLINT(bugprone-use-after-move): what a move leaves is promised
        CHECK(first.reveal().empty());
        CHECK(second.reveal() == text);
        SecretBuffer third(3);
        third = std::move(second);
        CHECK(second.size() == 0);  // NOLINT(bugprone-use-after-move)
        CHECK(third.reveal() == text);
        SecretBuffer &same = third;
        third = std::move(same);
        CHECK(third.reveal() == text);
    }
}

TEST_CASE("truncating wipes the tail") {
    SecretBuffer buffer = SecretBuffer::copy_of("0123456789");
    char const *const tail = buffer.reveal().data() + 4;
    buffer.truncate(4);
    CHECK(buffer.reveal() == "0123");
    CHECK(std::all_of(tail, tail + 6, [](char c) { return c == 0; }));
    buffer.truncate(4);
    CHECK(buffer.reveal() == "0123");
    buffer.truncate(0);
    CHECK(buffer.size() == 0);
}

TEST_CASE("a large buffer that was cut short is given back as a large one") {
    SecretBuffer const small(1);  // so that the shared memory exists already
    char const *place = nullptr;
    {
        SecretBuffer buffer(5000);
        place = buffer.reveal().data();
        buffer.truncate(10);
        SecretBuffer const moved = std::move(buffer);
        CHECK(moved.size() == 10);
    }
    CHECK(SecretBuffer(1).reveal().data() != place);
}

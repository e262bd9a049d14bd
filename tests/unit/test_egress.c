/* test_egress.c - where a guest may go: options as people write them, and what follows of them. */
#include "tests/unit/check.h"

#include <errno.h>
#include <string.h>

#include "runner/allow.h"
#include "runner/net/egress.h"

#define IP(a, b, c, d) ((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))

static struct spec spec;
static struct allow allow;
static struct egress egress;
static struct err err;

static int parse(void)
{
	return allow_parse(&allow, &spec, &err);
}

/* A policy of up to four words, for a host that is in 198.51.100.0/24. */
static void given(const char *const words[4])
{
	spec_init(&spec);
	spec.network = "user";
	for (unsigned i = 0; i < 4 && words[i]; i++)
		spec.allow.v[spec.allow.n++] = words[i];
	if (parse() < 0)
		fail_msg("%s", err.msg);
	allow.setup.own[allow.setup.n_own++] = (struct net_range){ IP(198, 51, 100, 0), 0xffffff00 };
	memset(&egress, 0, sizeof(egress));
	egress.setup = &allow.setup;
}

#define GIVEN(...) given((const char *const[4]){ __VA_ARGS__ })

static void without_a_rule_all_that_is_public_is_allowed(void **state)
{
	static const uint32_t refused[] = {
		IP(0, 0, 0, 0), IP(10, 0, 0, 1), IP(10, 255, 255, 255), IP(100, 64, 0, 1),
		IP(100, 100, 100, 200), IP(127, 0, 0, 1), IP(127, 255, 255, 255), IP(168, 63, 129, 16),
		IP(169, 254, 169, 254), IP(172, 16, 0, 1), IP(172, 31, 255, 255), IP(192, 0, 0, 1),
		IP(192, 0, 0, 192), IP(192, 168, 1, 1), IP(198, 18, 0, 1), IP(198, 19, 255, 255),
		IP(224, 0, 0, 1), IP(240, 0, 0, 1), IP(255, 255, 255, 255), IP(198, 51, 100, 77),
	};
	static const uint32_t allowed[] = {
		IP(1, 0, 0, 1), IP(9, 255, 255, 255), IP(11, 0, 0, 0), IP(100, 63, 255, 255),
		IP(100, 128, 0, 0), IP(126, 255, 255, 255), IP(128, 0, 0, 0), IP(168, 63, 129, 17),
		IP(169, 253, 255, 255), IP(169, 255, 0, 0), IP(172, 15, 255, 255), IP(172, 32, 0, 0),
		IP(192, 0, 1, 0), IP(192, 167, 255, 255), IP(192, 169, 0, 0), IP(198, 17, 255, 255),
		IP(198, 20, 0, 0), IP(223, 255, 255, 255), IP(198, 51, 101, 0),
	};

	(void)state;
	GIVEN(NULL);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (egress_allows(&egress, refused[i], 80))
			fail_msg("%08x is allowed", refused[i]);
	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
		if (!egress_allows(&egress, allowed[i], 80))
			fail_msg("%08x is refused", allowed[i]);
}

static void with_a_rule_nothing_else_is(void **state)
{
	(void)state;
	GIVEN("203.0.113.7:80");
	assert_true(egress_allows(&egress, IP(203, 0, 113, 7), 80));
	assert_false(egress_allows(&egress, IP(203, 0, 113, 7), 81));
	assert_false(egress_allows(&egress, IP(203, 0, 113, 7), 0));	/* a ping is of no port */
	assert_false(egress_allows(&egress, IP(203, 0, 113, 8), 80));
	assert_false(egress_allows_name(&egress, "example.org"));
}

/* What a rule names is allowed, so their order cannot matter. */
static void the_order_of_rules_does_not_matter(void **state)
{
	(void)state;
	for (int turn = 0; turn < 2; turn++) {
		if (turn)
			GIVEN("10.0.0.0/8:443", "10.1.0.0/16", "10.1.2.3:80");
		else
			GIVEN("10.1.2.3:80", "10.1.0.0/16", "10.0.0.0/8:443");
		assert_true(egress_allows(&egress, IP(10, 1, 2, 3), 80));
		assert_true(egress_allows(&egress, IP(10, 1, 2, 3), 22));
		assert_true(egress_allows(&egress, IP(10, 2, 0, 1), 443));
		assert_false(egress_allows(&egress, IP(10, 2, 0, 1), 80));
		assert_false(egress_allows(&egress, IP(11, 0, 0, 1), 443));
	}
}

static void a_special_address_is_allowed_if_it_is_named(void **state)
{
	(void)state;
	GIVEN("169.254.169.254:80", "192.168.0.0/16", "198.51.100.9");
	assert_true(egress_allows(&egress, IP(169, 254, 169, 254), 80));
	assert_false(egress_allows(&egress, IP(169, 254, 169, 253), 80));
	assert_true(egress_allows(&egress, IP(192, 168, 3, 4), 0));
	assert_true(egress_allows(&egress, IP(198, 51, 100, 9), 22));
	assert_false(egress_allows(&egress, IP(198, 51, 100, 8), 22));
	GIVEN("0.0.0.0/0");
	assert_true(egress_allows(&egress, IP(10, 0, 0, 1), 22));
}

static void a_name_is_allowed_where_it_was_answered(void **state)
{
	const uint32_t here = IP(203, 0, 113, 7);

	(void)state;
	GIVEN("Example.ORG.:443", "other.example", "example.org:80");
	assert_true(egress_allows_name(&egress, "example.org"));
	assert_false(egress_allows_name(&egress, "www.example.org"));
	assert_false(egress_allows_name(&egress, "xexample.org"));
	assert_false(egress_allows(&egress, here, 443));
	assert_int_equal(egress_pin(&egress, "example.org", here), 1);
	assert_true(egress_allows(&egress, here, 443));
	assert_true(egress_allows(&egress, here, 80));
	assert_false(egress_allows(&egress, here, 22));
	assert_false(egress_allows(&egress, here + 1, 443));
	assert_string_equal(egress_name(&egress, here), "example.org");
	assert_null(egress_name(&egress, here + 1));
	assert_int_equal(egress_pin(&egress, "other.example", here + 1), 1);
	assert_true(egress_allows(&egress, here + 1, 22));
}

static void a_star_is_every_name_below(void **state)
{
	(void)state;
	GIVEN("*.example.org");
	assert_true(egress_allows_name(&egress, "a.example.org"));
	assert_true(egress_allows_name(&egress, "a.b.example.org"));
	assert_false(egress_allows_name(&egress, "example.org"));
	assert_false(egress_allows_name(&egress, ".example.org"));
	assert_false(egress_allows_name(&egress, "aexample.org"));
	assert_false(egress_allows_name(&egress, "a.example.org.evil.example"));
}

/* Rebinding: the owner of an allowed name says that it is at home. */
static void a_name_does_not_lead_to_a_special_address(void **state)
{
	static const uint32_t there[] = { IP(127, 0, 0, 1), IP(10, 0, 0, 1), IP(169, 254, 169, 254),
					  IP(198, 51, 100, 1), IP(0, 0, 0, 0) };

	(void)state;
	GIVEN("example.org");
	for (size_t i = 0; i < sizeof(there) / sizeof(there[0]); i++) {
		assert_int_equal(egress_pin(&egress, "example.org", there[i]), 0);
		assert_false(egress_allows(&egress, there[i], 80));
	}
	GIVEN(NULL);
	assert_int_equal(egress_pin(&egress, "example.org", there[0]), 0);
	GIVEN("example.org:80", "10.0.0.0/8:443");
	assert_int_equal(egress_pin(&egress, "example.org", there[1]), 1);
	assert_true(egress_allows(&egress, there[1], 443));
	assert_false(egress_allows(&egress, there[1], 80));	/* the range is named for 443 alone */
}

static void the_table_of_answers_has_an_end(void **state)
{
	(void)state;
	GIVEN("example.org");
	for (uint32_t i = 0; i < EGRESS_PINS; i++)
		assert_int_equal(egress_pin(&egress, "example.org", IP(203, 0, 0, 0) + i), 1);
	assert_int_equal(egress_pin(&egress, "example.org", IP(203, 0, 0, 0)), 1);	/* is there */
	assert_int_equal(egress_pin(&egress, "example.org", IP(204, 0, 0, 0)), -ENOSPC);
	assert_false(egress_allows(&egress, IP(204, 0, 0, 0), 80));
}

/* --- as people write it --------------------------------------------------------------------- */

static void refused(const char *says)
{
	if (parse() == 0)
		fail_msg("taken, and not refused for '%s'", says);
	if (!strstr(err.msg, says))
		fail_msg("'%s' does not say '%s'", err.msg, says);
}

static void another_rule_is_refused(void **state)
{
	static const char *const bad[] = {
		"", ":80", "a:", "a:0", "a:65536", "a:x", "a:80:81", "10.0.0.0/33", "10.0.0.1/8", "10.0.0",
		"300.1.1.1", "1.2.3.4.5", "a..b", ".a", "*", "*.", "a.*", "a b", "a/8", "[::1]:80", "::1",
		"http://a/", "a\n", "10.0.0.0/x",
	};
	static char label[80], name[NET_NAME + 4];

	(void)state;
	spec_init(&spec);
	spec.network = "user";
	spec.allow.n = 1;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		spec.allow.v[0] = bad[i];
		refused("is not like");
	}
	memset(label, 'a', 64);
	spec.allow.v[0] = label;
	refused("is not like");
	for (size_t i = 0; i < sizeof(name) - 1; i++)
		name[i] = i % 2 ? '.' : 'a';
	spec.allow.v[0] = name;
	refused("is not like");
	spec.allow.v[0] = "127.0.0.2";
	refused("127.0.0.1");
	spec.allow.v[0] = "127.0.0.0/8";
	refused("127.0.0.1");
}

static void this_hosts_loopback_is_at_the_gateway(void **state)
{
	struct msg_card card = { .address = { 192, 0, 0, 2 }, .gateway = { 192, 0, 0, 1 } };

	(void)state;
	GIVEN("localhost:8080");
	assert_true(allow.loopback);
	assert_int_equal(allow_host(&allow, &card, &err), 0);
	assert_true(egress_allows(&egress, IP(192, 0, 0, 1), 8080));
	assert_false(egress_allows(&egress, IP(192, 0, 0, 1), 8081));
	assert_false(egress_allows(&egress, IP(127, 0, 0, 1), 8080));
	GIVEN("0.0.0.0/0");
	assert_false(allow.loopback);
}

static void a_port_is_published_at_loopback_or_where_it_says(void **state)
{
	static const char *const bad[] = { "", "80", ":", "80:", ":80", "0:80", "80:65536", "x:80:80",
					   "1.2.3:80:80", "1.2.3.4:5:80:80", "[::1]:80:80" };

	(void)state;
	spec_init(&spec);
	spec.network = "user";
	spec.publish.v[spec.publish.n++] = "8080:80";
	spec.publish.v[spec.publish.n++] = "0.0.0.0:443:8443";
	assert_int_equal(parse(), 0);
	assert_int_equal(allow.n_published, 2);
	assert_int_equal(allow.publish[0].at, IP(127, 0, 0, 1));
	assert_int_equal(allow.publish[0].host, 8080);
	assert_int_equal(allow.setup.published[0], 80);
	assert_int_equal(allow.publish[1].at, 0);
	assert_int_equal(allow.setup.published[1], 8443);
	spec.publish.n = 1;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		spec.publish.v[0] = bad[i];
		refused("is not like");
	}
}

static void options_of_a_network_need_one(void **state)
{
	(void)state;
	spec_init(&spec);
	assert_int_equal(parse(), 0);
	spec.net_log = "f";
	refused("net-log: the machine has no network");
	spec_init(&spec);
	spec.allow.v[spec.allow.n++] = "a";
	refused("--net user");
	spec_init(&spec);
	spec.network = "host";
	refused("'host' is not user");
	spec.network = "user";
	spec.net_fd = 3;
	refused("one network card");
	spec.net_fd = 0;
	spec.net_rate = 100;
	refused("net-rate: 100");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_rule_all_that_is_public_is_allowed),
		cmocka_unit_test(with_a_rule_nothing_else_is),
		cmocka_unit_test(the_order_of_rules_does_not_matter),
		cmocka_unit_test(a_special_address_is_allowed_if_it_is_named),
		cmocka_unit_test(a_name_is_allowed_where_it_was_answered),
		cmocka_unit_test(a_star_is_every_name_below),
		cmocka_unit_test(a_name_does_not_lead_to_a_special_address),
		cmocka_unit_test(the_table_of_answers_has_an_end),
		cmocka_unit_test(another_rule_is_refused),
		cmocka_unit_test(this_hosts_loopback_is_at_the_gateway),
		cmocka_unit_test(a_port_is_published_at_loopback_or_where_it_says),
		cmocka_unit_test(options_of_a_network_need_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_card.c - the guest's network card: addresses as people write them, and what a descriptor is. */
#include "tests/unit/check.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runner/card.h"

static struct msg_card card;
static struct err err;

static int parse(const char *mac, const char *address)
{
	static struct spec spec;

	spec_init(&spec);
	spec.net_fd = 3;
	spec.mac = mac;
	spec.address = address;
	return card_parse(&card, &spec, &err);
}

static void refused(const char *mac, const char *address, const char *says)
{
	if (parse(mac, address) == 0)
		fail_msg("%s %s was taken", mac, address);
	if (!strstr(err.msg, says))
		fail_msg("'%s' does not say '%s'", err.msg, says);
}

static void an_address_has_its_network(void **state)
{
	(void)state;
	assert_int_equal(parse(NULL, "10.1.2.3/24"), 0);
	assert_memory_equal(card.address, "\x0a\x01\x02\x03", 4);
	assert_int_equal(card.prefix, 24);
	assert_memory_equal(card.gateway, "\0\0\0\0", 4);
	assert_int_equal(parse(NULL, "192.168.0.2/16,192.168.255.254"), 0);
	assert_memory_equal(card.gateway, "\xc0\xa8\xff\xfe", 4);
	assert_int_equal(parse(NULL, "10.0.0.0/31,10.0.0.1"), 0);
	assert_int_equal(parse(NULL, "10.0.0.9/32"), 0);
	assert_int_equal(parse(NULL, "128.0.0.1/1"), 0);
}

static void another_address_is_refused(void **state)
{
	static const char *const bad[] = {
		"", "/", ",", "10.0.0.2", "10.0.0.2/", "10.0.0.2/x", "10.0.0.2/-1", "10.0.0/24",
		"10.0.0.256/24", "10.0.0.2/24,", "10.0.0.2/24,x", "10.0.0.2,10.0.0.1/24", "::1/64",
		" 10.0.0.2/24", "10.0.0.2/24 ", "10.0.0.2/24,10.0.0.1,10.0.0.3", "10.0.0.2/24/8",
		"10.0.0.2/000000000000000000000000000000000000000000000000000000000024",
	};
	static const char *const no_host[] = {
		"0.0.0.0/24", "0.1.2.3/8", "127.0.0.1/8", "224.0.0.1/24", "255.255.255.255/24",
		"10.0.0.0/24", "10.0.0.255/24", "10.255.255.255/8",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refused(NULL, bad[i], "is not like 10.0.0.2/24");
	for (size_t i = 0; i < sizeof(no_host) / sizeof(no_host[0]); i++)
		refused(NULL, no_host[i], "is not the address of one host");
	refused(NULL, "10.0.0.2/0", "not between /1 and /32");
	refused(NULL, "10.0.0.2/33", "not between /1 and /32");
	refused(NULL, "10.0.0.2/4294967320", "not between /1 and /32");
}

static void a_gateway_is_a_neighbour(void **state)
{
	(void)state;
	refused(NULL, "10.0.0.2/24,10.0.1.1", "the gateway 10.0.1.1 is no other host");
	refused(NULL, "10.0.0.2/24,10.0.0.2", "no other host");
	refused(NULL, "10.0.0.2/24,10.0.0.255", "no other host");
	refused(NULL, "10.0.0.2/24,0.0.0.0", "no other host");
	refused(NULL, "10.0.0.2/32,10.0.0.1", "no other host");
}

static void a_mac_is_six_bytes_of_one_station(void **state)
{
	(void)state;
	assert_int_equal(parse("02:00:5e:10:00:Ff", NULL), 0);
	assert_memory_equal(card.mac, "\x02\x00\x5e\x10\x00\xff", 6);
	refused("", NULL, "is not six bytes");
	refused("02:00:5e:10:00", NULL, "is not six bytes");
	refused("2:0:5e:10:0:1", NULL, "is not six bytes");
	refused("02:00:5e:10:00:01x", NULL, "is not six bytes");
	refused("2:000:5e:10:00:01", NULL, "is not six bytes");
	refused("02-00-5e-10-00-01", NULL, "is not six bytes");
	refused("01:00:5e:10:00:01", NULL, "of one station");
	refused("ff:ff:ff:ff:ff:ff", NULL, "of one station");
	refused("00:00:00:00:00:00", NULL, "of one station");
}

static void without_a_card_there_is_nothing_to_address(void **state)
{
	static struct spec spec;

	(void)state;
	spec_init(&spec);
	assert_int_equal(card_parse(&card, &spec, &err), 0);
	assert_false(card_mac_ok(card.mac));
	spec.address = "10.0.0.2/24";
	assert_int_equal(card_parse(&card, &spec, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "address: the machine has no network card"));
	spec.mac = "02:00:5e:10:00:01";
	assert_int_equal(card_parse(&card, &spec, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "--net-fd"));
}

static void a_made_mac_is_local_and_of_one_machine(void **state)
{
	uint8_t id[16] = { 1 }, first[6], mac[6];

	(void)state;
	card_make_mac(first, id);
	card_make_mac(mac, id);
	assert_memory_equal(mac, first, 6);
	for (unsigned i = 0; i < 256; i++) {
		id[1] = (uint8_t)i;
		card_make_mac(mac, id);
		assert_int_equal(mac[0] & (MAC_LOCAL | MAC_GROUP), MAC_LOCAL);
		assert_true(i == 0 || memcmp(mac, first, 6));
		assert_memory_not_equal(mac, id, 6);
	}
}

static void is(int fd, int kind)
{
	assert_true(fd >= 0);
	assert_int_equal(card_kind(fd, &err), kind);
	close(fd);
}

static int one_of(int type)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, type, 0, pair), 0);
	return pair[0];			/* connected, as long as the other is open: for ever */
}

static void a_descriptor_is_known_for_what_it_is(void **state)
{
	(void)state;
	is(one_of(SOCK_STREAM), NET_STREAM);
	is(one_of(SOCK_DGRAM), -EINVAL);
	is(one_of(SOCK_SEQPACKET), -EINVAL);
	is(socket(AF_UNIX, SOCK_STREAM, 0), -EINVAL);
	is(socket(AF_INET, SOCK_STREAM, 0), -EINVAL);
	is(open("/dev/null", O_RDWR), -EINVAL);
	assert_int_equal(card_kind(999, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "descriptor 999 is neither a tap nor"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_has_its_network),
		cmocka_unit_test(another_address_is_refused),
		cmocka_unit_test(a_gateway_is_a_neighbour),
		cmocka_unit_test(a_mac_is_six_bytes_of_one_station),
		cmocka_unit_test(without_a_card_there_is_nothing_to_address),
		cmocka_unit_test(a_made_mac_is_local_and_of_one_machine),
		cmocka_unit_test(a_descriptor_is_known_for_what_it_is),
	};

	return cmocka_run_group_tests_name("card", tests, NULL, NULL);
}

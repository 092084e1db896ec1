/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sys/datagram.h"

#include <errno.h>
#include <netinet/udp.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

/* Room for: ECN, local address, segment size. */
enum { CONTROL = 128 };

union control {
    struct cmsghdr align;
    uint8_t bytes[CONTROL];
};

static bool set(int fd, int level, int option, int value) {
    return setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

unsigned datagram_set_up(int fd, int family) {
    bool v6 = family == AF_INET6;
    unsigned features = 0;
    int value;
    socklen_t n = sizeof(value);
    (void)(v6 ? set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) : set(fd, IPPROTO_IP, IP_PKTINFO, 1));
    if (v6 ? set(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1) : set(fd, IPPROTO_IP, IP_RECVTOS, 1))
        features |= DATAGRAM_ECN;
    if (v6 ? set(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE)
           : set(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE))
        features |= DATAGRAM_PMTUD;
    if (set(fd, IPPROTO_UDP, UDP_GRO, 1))
        features |= DATAGRAM_GRO;
    if (getsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &value, &n) == 0)
        features |= DATAGRAM_GSO;
    return features;
}

/* ---- in ---- */

static void set_local4(struct datagram *d, const void *data) {
    struct in_pktinfo info;
    memcpy(&info, data, sizeof(info));
    d->local.in.sin_addr = info.ipi_addr;
    d->ifindex = info.ipi_ifindex;
}

static void set_local6(struct datagram *d, const void *data) {
    struct in6_pktinfo info;
    memcpy(&info, data, sizeof(info));
    d->local.in6.sin6_addr = info.ipi6_addr;
    d->ifindex = (int)info.ipi6_ifindex;
    if (IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
        d->local.in6.sin6_scope_id = info.ipi6_ifindex;
}

static void read_control(struct datagram *d, const struct cmsghdr *c) {
    const void *data = CMSG_DATA(c);
    int value = 0;
    if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS) {
        d->ecn = *(const uint8_t *)data & 3;
    } else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
        set_local4(d, data);
    } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
        set_local6(d, data);
    } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_TCLASS) {
        memcpy(&value, data, sizeof(value));
        d->ecn = (uint8_t)(value & 3);
    } else if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
        memcpy(&value, data, sizeof(value));
        if (value > 0 && (size_t)value < d->n)
            d->segment = (size_t)value;
    }
}

static void read_message(struct datagram *d, const struct addr *bound, struct mmsghdr *m) {
    d->n = m->msg_len;
    d->segment = 0;
    d->ecn = 0;
    d->ifindex = 0;
    d->local = *bound;
    d->remote.n = m->msg_hdr.msg_namelen;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m->msg_hdr); c; c = CMSG_NXTHDR(&m->msg_hdr, c))
        read_control(d, c);
}

int datagram_receive(int fd, const struct addr *bound, struct datagram *batch, int n) {
    struct mmsghdr messages[DATAGRAM_BATCH];
    struct iovec iov[DATAGRAM_BATCH];
    union control control[DATAGRAM_BATCH];
    check(n > 0 && n <= DATAGRAM_BATCH);
    memset(messages, 0, sizeof(messages[0]) * (size_t)n);
    for (int i = 0; i < n; i++) {
        iov[i] = (struct iovec){batch[i].data, batch[i].cap};
        messages[i].msg_hdr = (struct msghdr){.msg_name = &batch[i].remote.sa,
                                              .msg_namelen = sizeof(batch[i].remote.un),
                                              .msg_iov = &iov[i],
                                              .msg_iovlen = 1,
                                              .msg_control = control[i].bytes,
                                              .msg_controllen = CONTROL};
    }
    int got = recvmmsg(fd, messages, (unsigned)n, MSG_DONTWAIT, NULL);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR ? 0
               : errno == ECONNREFUSED           ? ERR_REFUSED
                                                 : ERR_SYSTEM;
    for (int i = 0; i < got; i++)
        read_message(&batch[i], bound, &messages[i]);
    return got;
}

/* ---- out ---- */

static void *add_control(struct msghdr *m, int level, int type, const void *data, size_t n) {
    struct cmsghdr *c = (struct cmsghdr *)(void *)((uint8_t *)m->msg_control + m->msg_controllen);
    check(m->msg_controllen + CMSG_SPACE(n) <= CONTROL);
    c->cmsg_level = level;
    c->cmsg_type = type;
    c->cmsg_len = CMSG_LEN(n);
    m->msg_controllen += CMSG_SPACE(n);
    return memcpy(CMSG_DATA(c), data, n);
}

static void add_local(struct msghdr *m, const struct datagram *d) {
    if (d->local.n == 0 || addr_is_any(&d->local))
        return;
    if (d->local.sa.sa_family == AF_INET) {
        struct in_pktinfo info = {.ipi_spec_dst = d->local.in.sin_addr};
        add_control(m, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
    } else if (d->local.sa.sa_family == AF_INET6) {
        struct in6_pktinfo info = {.ipi6_addr = d->local.in6.sin6_addr};
        if (IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
            info.ipi6_ifindex = (unsigned)d->ifindex;
        add_control(m, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
    }
}

static int send_some(int fd, const struct datagram *d, bool connected, size_t at, size_t n) {
    union control control = {0};
    struct iovec iov = {d->data + at, n};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes};
    struct addr remote = d->remote;
    if (!connected) {
        m.msg_name = &remote.sa;
        m.msg_namelen = remote.n;
        add_local(&m, d);
    }
    if (d->ecn) {
        int ecn = d->ecn;
        if (d->remote.sa.sa_family == AF_INET6)
            add_control(&m, IPPROTO_IPV6, IPV6_TCLASS, &ecn, sizeof(ecn));
        else
            add_control(&m, IPPROTO_IP, IP_TOS, &ecn, sizeof(ecn));
    }
    if (d->segment > 0 && n > d->segment) {
        uint16_t segment = (uint16_t)d->segment;
        add_control(&m, IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof(segment));
    }
    if (m.msg_controllen == 0)
        m.msg_control = NULL;
    return sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? errno : 0;
}

static int send_err(int number) {
    switch (number) {
    case 0: return 0;
    case EAGAIN:
    case EINTR: return ERR_AGAIN;
    case EMSGSIZE: return ERR_LIMIT;
    case ECONNREFUSED: return ERR_REFUSED;
    default: return ERR_SYSTEM;
    }
}

/* One by one; once one has gone, what does not go any more is lost, as on any network. */
static int send_cut(int fd, const struct datagram *d, bool connected) {
    int first = 0;
    for (size_t at = 0; at < d->n; at += d->segment) {
        size_t n = d->n - at < d->segment ? d->n - at : d->segment;
        int number = send_some(fd, d, connected, at, n);
        if (at == 0)
            first = number;
        if (number == EAGAIN)
            break;
    }
    return send_err(first);
}

int datagram_send(int fd, const struct datagram *d, bool connected, unsigned *features) {
    bool several = d->segment > 0 && d->n > d->segment;
    if (several && !(*features & DATAGRAM_GSO))
        return send_cut(fd, d, connected);
    int number = send_some(fd, d, connected, 0, d->n);
    if (!several || (number != EIO && number != EINVAL && number != EMSGSIZE))
        return send_err(number);
    /* EIO: the device computes no checksums, so GSO is not for it. The others may be about this
     * one: segments that are larger than the device's MTU are refused as a whole. */
    if (number == EIO)
        *features &= ~(unsigned)DATAGRAM_GSO;
    return send_cut(fd, d, connected);
}

const char *datagram_features_text(unsigned features) {
    static const char *const texts[16] = {
        "",          "gso",           "gro",           "gso gro",
        "ecn",       "gso ecn",       "gro ecn",       "gso gro ecn",
        "pmtud",     "gso pmtud",     "gro pmtud",     "gso gro pmtud",
        "ecn pmtud", "gso ecn pmtud", "gro ecn pmtud", "gso gro ecn pmtud"};
    return texts[features & 15];
}

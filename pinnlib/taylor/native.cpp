// One pass forward and one backward through a multilayer perceptron, all streams, tile by tile.
//
// A tile is a few points.  Its streams stay in the nearest caches from the first layer to the last, and what goes to
// memory is only what the backward pass needs.  native.py puts into the place marked below what depends on the plan: the
// type `real`, the number of streams `S`, `EMBEDDED` and `DIRECTIONS` (the streams of the coordinates themselves), and `rise` and `fall`,
// the activation on all streams, forward and backward; the formulas are in layers.py.
//
// Tensors are row-major.  Flat gradients hold all weights (n_out, n_in), then all biases (n_out).

#include <cmath>

#ifdef _OPENMP
#include <omp.h>
#define THREAD omp_get_thread_num()
#define TEAM omp_get_num_threads()
#else
#define THREAD 0
#define TEAM 1
#endif

#if defined(__AVX512F__)
#define BYTES 64  // of a vector register
#define ROWS 8    // of a block whose sums are kept in registers
#elif defined(__AVX__)
#define BYTES 32
#define ROWS 4
#else
#define BYTES 16
#define ROWS 4
#endif

namespace {

@plan@

constexpr long T = 96 / S < 8 ? 8 : 96 / S;  // points of a tile

long padded(long n) { return (n + L - 1) / L * L; }

// ---- matrix products: C = A B or C += A B.  A(i, k) = a[i * ai + k * ak]; B comes in panels of two vectors' width,
// panel j at b + j * bj, its rows bk apart (0: as wide as the panel); C's rows are ck apart.

template <int M, int N>
void block(const real* a, long ai, long ak, const real* b, long bk, real* c, long ck, long n_k, bool add) {
  vec sum[M][N];
  for (int i = 0; i < M; ++i)
    for (int j = 0; j < N; ++j) sum[i][j] = add ? *(const vec*)(c + i * ck + j * L) : vec{};
  for (long k = 0; k < n_k; ++k, a += ak, b += bk) {
    vec right[N];
    for (int j = 0; j < N; ++j) right[j] = *(const vec*)(b + j * L);
    for (int i = 0; i < M; ++i)
      for (int j = 0; j < N; ++j) sum[i][j] += a[i * ai] * right[j];
  }
  for (int i = 0; i < M; ++i)
    for (int j = 0; j < N; ++j) *(vec*)(c + i * ck + j * L) = sum[i][j];
}

template <int M, int N>
void rest(long rows, const real* a, long ai, long ak, const real* b, long bk, real* c, long ck, long n_k, bool add) {
  if constexpr (M > 0) {
    if (rows == M) block<M, N>(a, ai, ak, b, bk, c, ck, n_k, add);
    else rest<M - 1, N>(rows, a, ai, ak, b, bk, c, ck, n_k, add);
  }
}

template <int N>
void panel(long rows, const real* a, long ai, long ak, const real* b, long bk, real* c, long ck, long n_k, bool add) {
  long i = 0;
  for (; i + ROWS <= rows; i += ROWS) block<ROWS, N>(a + i * ai, ai, ak, b, bk, c + i * ck, ck, n_k, add);
  rest<ROWS - 1, N>(rows - i, a + i * ai, ai, ak, b, bk, c + i * ck, ck, n_k, add);
}

void product(long rows, long columns, long n_k, const real* a, long ai, long ak, const real* b, long bj, long bk, real* c,
             long ck, bool add) {
  long j = 0;
  for (; j + 2 * L <= columns; j += 2 * L) panel<2>(rows, a, ai, ak, b + j * bj, bk ? bk : 2 * L, c + j, ck, n_k, add);
  if (j < columns) panel<1>(rows, a, ai, ak, b + j * bj, bk ? bk : L, c + j, ck, n_k, add);
}

// B(k, j) = w[k * wk + j * wj] in panels, columns beyond `columns` zero
void pack(const real* w, long wk, long wj, long n_k, long columns, real* to) {
  const long all = padded(columns);
  for (long j0 = 0; j0 < all; j0 += 2 * L) {
    const long wide = all - j0 < 2 * L ? all - j0 : 2 * L;
    for (long k = 0; k < n_k; ++k)
      for (long j = j0; j < j0 + wide; ++j) *to++ = j < columns ? w[k * wk + j * wj] : real(0);
  }
}

// ---- a network and its memory

struct Net {
  const long* shape;
  long threads, members, batches, points, split, layers;  // pieces are `split` parts of each batch of `points`
  const long* sizes;                                      // coordinates, hidden widths, fields

  explicit Net(const long* shape)
      : shape(shape), threads(shape[0]), members(shape[1]), batches(shape[2]), points(shape[3]), split(shape[4]),
        layers(shape[5]), sizes(shape + 6) {}

  long in(long l) const { return sizes[l]; }
  long out(long l) const { return sizes[l + 1]; }
  long hidden() const { return layers - 1; }
  long pieces() const { return members * batches * split; }

  long parameters() const {
    long n = 0;
    for (long l = 0; l < layers; ++l) n += out(l) * (in(l) + 1);
    return n;
  }
  long widest() const {
    long n = L;
    for (long l = 0; l < layers; ++l) n = padded(out(l)) > n ? padded(out(l)) : n;
    return n;
  }
  long kept() const {  // numbers that the backward pass needs of a point
    long n = 0;
    for (long l = 0; l < hidden(); ++l) n += S * padded(out(l));
    return n;
  }
  // packed weights of a member: for each layer transposed, as they are, and the bias
  long up(long l) const {
    long n = 0;
    for (long i = 0; i < l; ++i) n += padded(out(i)) * in(i) + padded(in(i)) * out(i) + padded(out(i));
    return n;
  }
  long down(long l) const { return up(l) + padded(out(l)) * in(l); }
  long bias(long l) const { return down(l) + padded(in(l)) * out(l); }
  // gradient of a piece, padded: first weights transposed, the others as they are, biases
  long weight(long l) const {
    long n = 0;
    for (long i = 0; i < l; ++i) n += (i ? out(i) * padded(in(i)) : in(0) * padded(out(0)));
    return n;
  }
  long offset(long l) const {
    long n = weight(layers);
    for (long i = 0; i < l; ++i) n += padded(out(i));
    return n;
  }
  long scratch() const {
    const long first = (S * T * in(0) + L) / L * L;
    const long last = (S * T * out(layers - 1) + L) / L * L;
    return first + last + 3 * (S * T * widest() + 8 * L) + (1 + members) * offset(layers);
  }
};

// numbers that a point brings: its coordinates, or all streams of its features
long brought(const Net& net) { return (EMBEDDED ? S : 1) * net.in(0); }

// the streams of `t` points in front of the first layer, (S, t, inputs)
void start(const Net& net, const real* points, long t, real* h) {
  const long c = net.in(0);
  if constexpr (EMBEDDED) {
    for (long k = 0; k < S; ++k)
      for (long p = 0; p < t; ++p)
        for (long i = 0; i < c; ++i) h[(k * t + p) * c + i] = points[(p * S + k) * c + i];
    return;
  }
  for (long i = 0; i < t * c; ++i) h[i] = points[i];
  for (long k = 1; k < S; ++k)
    for (long p = 0; p < t; ++p)
      for (long i = 0; i < c; ++i) h[(k * t + p) * c + i] = DIRECTIONS[k][i];
}

void forward_tile(const Net& net, const real* weights, const real* last, const real* points, long t, real* memory, real* kept,
                  real* out, long out_stream) {
  const long fields = net.out(net.layers - 1);
  real *first = memory, *h = memory + (S * T * net.in(0) + L) / L * L;
  start(net, points, t, first);
  const real* from = first;
  long width = net.in(0);
  for (long l = 0; l < net.hidden(); ++l) {
    const long w = padded(net.out(l)), n = t * w;
    const real* bias = weights + net.bias(l);
    product(S * t, w, net.in(l), from, width, 1, weights + net.up(l), net.in(l), 0, kept, w, false);
    for (long p = 0; p < t; ++p)
      for (long j = 0; j < w; j += L) {
        real *z = kept + p * w + j, *to = h + p * w + j;
        vec s[S], y[S];
        s[0] = *(vec*)z + *(const vec*)(bias + j);
        for (int k = 1; k < S; ++k) s[k] = *(vec*)(z + k * n);
        *(vec*)z = rise(s, y);
        for (int k = 0; k < S; ++k) *(vec*)(to + k * n) = y[k];
      }
    kept += S * n;
    from = h;
    width = w;
  }
  const long n_in = net.in(net.layers - 1);
  for (long k = 0; k < S; ++k)
    for (long p = 0; p < t; ++p)
      for (long f = 0; f < fields; ++f) {
        const real *a = from + (k * t + p) * width, *b = last + f * n_in;
        real sum = k ? real(0) : weights[net.bias(net.layers - 1) + f];
        vec part = {};
        long i = 0;
        for (; i + L <= n_in; i += L) part += *(const vec*)(a + i) * *(const loose*)(b + i);
        for (; i < n_in; ++i) sum += a[i] * b[i];
        for (int i = 0; i < L; ++i) sum += part[i];
        out[k * out_stream + p * fields + f] = sum;
      }
}

void backward_tile(const Net& net, const real* weights, const real* points, long t, real* memory, const real* kept,
                   const real* g, long g_stream, real* grad) {
  const long fields = net.out(net.layers - 1), size = S * T * net.widest() + 8 * L;
  real* first = memory;
  real* top = first + (S * T * net.in(0) + L) / L * L;
  real* h = top + (S * T * fields + L) / L * L;
  real *at = h + size, *next = at + size;  // 8 vectors apart from whole pages, which would share their places in the cache
  start(net, points, t, first);
  for (long k = 0; k < S; ++k)
    for (long i = 0; i < t * fields; ++i) top[k * t * fields + i] = g[k * g_stream + i];
  for (long i = 0; i < t * fields; ++i) grad[net.offset(net.layers - 1) + i % fields] += top[i];
  const real* above = top;  // gradient of the layer above's input to its activation, `wide` to a row
  long wide = fields;
  kept += t * net.kept();
  for (long l = net.layers - 1; l > 0; --l) {
    const long w = padded(net.in(l)), n = t * w;
    kept -= S * n;
    product(S * t, w, net.out(l), above, wide, 1, weights + net.down(l), net.out(l), 0, next, w, false);
    real* bias = grad + net.offset(l - 1);
    for (long p = 0; p < t; ++p)
      for (long j = 0; j < w; j += L) {
        const real* s = kept + p * w + j;
        real *d = next + p * w + j, *to = h + p * w + j;
        vec z[S], dh[S], y[S], dz[S];
        for (int k = 0; k < S; ++k) z[k] = *(const vec*)(s + k * n), dh[k] = *(vec*)(d + k * n);
        fall(z, dh, y, dz);
        for (int k = 0; k < S; ++k) *(vec*)(to + k * n) = y[k], *(vec*)(d + k * n) = dz[k];
        *(vec*)(bias + j) += dz[0];
      }
    product(net.out(l), w, S * t, above, 1, wide, h, 1, w, grad + net.weight(l), w, true);
    above = next;
    wide = w;
    real* free = at;
    at = next, next = free;
  }
  product(net.in(0), padded(net.out(0)), S * t, first, 1, net.in(0), above, 1, wide, grad, padded(net.out(0)), true);
}

// add a layer of a padded gradient to a flat one
void unpad(const Net& net, long l, const real* __restrict grad, real* __restrict to) {
  const long n_in = net.in(l), n_out = net.out(l), w = padded(l ? n_in : n_out);
  const real *weight = grad + net.weight(l), *bias = grad + net.offset(l);
  real *to_weight = to, *to_bias = to;
  for (long i = 0; i < net.layers; ++i) {
    to_weight += i < l ? net.in(i) * net.out(i) : 0;
    to_bias += net.in(i) * net.out(i) + (i < l ? net.out(i) : 0);
  }
  for (long i = 0; i < n_out; ++i) {
    if (l)
      for (long j = 0; j < n_in; ++j) to_weight[i * n_in + j] += weight[i * w + j];
    else
      for (long j = 0; j < n_in; ++j) to_weight[i * n_in + j] += weight[j * w + i];
    to_bias[i] += bias[i];
  }
}

}  // namespace

extern "C" {

// numbers of memory: packed weights of all members, kept of all points, scratch of all threads
void needs(const long* shape, long* found) {
  const Net net(shape);
  found[0] = net.members * ((net.up(net.layers) + L) / L * L);
  found[1] = net.members * net.batches * net.points * net.kept();
  found[2] = net.threads * net.scratch();
}

// points (members, batches, points, coordinates or streams of features) with `stride` between members; parameters: a pointer to each weight and
// then each bias, with strides between members; out (members, batches, S, points, fields)
void forward(const long* shape, const real* points, long stride, const real* const* parameters, const long* strides,
             real* packed, real* scratch, real* kept, real* out) {
  const Net net(shape);
  const long fields = net.out(net.layers - 1), one = (net.up(net.layers) + L) / L * L;
#pragma omp parallel num_threads(net.threads)
  {
#pragma omp for schedule(static)
    for (long i = 0; i < net.members * net.layers; ++i) {
      const long m = i / net.layers, l = i % net.layers;
      const real *w = parameters[l] + m * strides[l], *b = parameters[net.layers + l] + m * strides[net.layers + l];
      real* to = packed + m * one;
      pack(w, 1, net.in(l), net.in(l), net.out(l), to + net.up(l));
      pack(w, net.in(l), 1, net.out(l), net.in(l), to + net.down(l));
      for (long j = 0; j < padded(net.out(l)); ++j) to[net.bias(l) + j] = j < net.out(l) ? b[j] : real(0);
    }
#pragma omp for schedule(static)
    for (long q = 0; q < net.pieces(); ++q) {
      const long b = q / net.split, m = b / net.batches, part = q % net.split;
      real* own = scratch + THREAD * net.scratch();
      for (long p = net.points * part / net.split, end = net.points * (part + 1) / net.split; p < end; p += T) {
        const long t = end - p < T ? end - p : T, at = b * net.points + p;
        forward_tile(net, packed + m * one, parameters[net.layers - 1] + m * strides[net.layers - 1],
                     points + m * stride + ((b % net.batches) * net.points + p) * brought(net), t, own, kept + at * net.kept(),
                     out + (b * S * net.points + p) * fields, net.points * fields);
      }
    }
  }
}

// adds to totals (members, parameters) and, unless null, to apart: a gradient for each piece, `row` apart, members `stride_apart`
void backward(const long* shape, const real* points, long stride, const real* packed, real* scratch, const real* kept,
              const real* g, real* totals, real* apart, long stride_apart) {
  const Net net(shape);
  const long fields = net.out(net.layers - 1), one = (net.up(net.layers) + L) / L * L, n = net.parameters();
  const long size = net.scratch(), n_grad = net.offset(net.layers), each = net.batches * net.split;
#pragma omp parallel num_threads(net.threads)
  {
    real* own = scratch + THREAD * size;
    real *grad = own + size - (1 + net.members) * n_grad, *total = grad + n_grad;
    for (long i = 0; i < (1 + net.members) * n_grad; ++i) grad[i] = real(0);
#pragma omp for schedule(static)
    for (long q = 0; q < net.pieces(); ++q) {
      const long b = q / net.split, m = b / net.batches, part = q % net.split;
      for (long p = net.points * part / net.split, end = net.points * (part + 1) / net.split; p < end; p += T) {
        const long t = end - p < T ? end - p : T, at = b * net.points + p;
        backward_tile(net, packed + m * one, points + m * stride + ((b % net.batches) * net.points + p) * brought(net), t, own,
                      kept + at * net.kept(), g + (b * S * net.points + p) * fields, net.points * fields, grad);
      }
      if (apart)
        for (long l = 0; l < net.layers; ++l) unpad(net, l, grad, apart + m * stride_apart + (q % each) * n);
      for (long i = 0; i < n_grad; ++i) total[m * n_grad + i] += grad[i], grad[i] = real(0);
    }
    const long team = TEAM;
#pragma omp for schedule(static)
    for (long i = 0; i < net.members * net.layers; ++i)
      for (long k = 0; k < team; ++k) {
        const long m = i / net.layers;
        unpad(net, i % net.layers, scratch + (k + 1) * size + (m - net.members) * n_grad, totals + m * n);
      }
  }
}
}

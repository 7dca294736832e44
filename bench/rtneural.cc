/* rtneural.cc: recurrent layers of RTNeural (with Eigen) as a contestant of bench.py. Its models are templates, so this
 * is compiled for each row of section A, with -DUNITS, -DLAYERS and -DLSTM or -DGRU; inputs are as many as units.
 *
 * In:  weights as its setters take them, (inputs, gates * units) with the gates of Keras; RING steps of input.
 * Out: RING steps of output, and the seconds of the processor for some repetitions. */
#include <RTNeural/RTNeural.h>
#include <cstring>
#include <ctime>

enum { RING = 64 };
#ifdef LSTM
using Layer = RTNeural::LSTMLayerT<float, UNITS, UNITS>;
enum { GATES = 4 };
#else
using Layer = RTNeural::GRULayerT<float, UNITS, UNITS>;
enum { GATES = 3 };
#endif

struct Net {
    Layer layers[LAYERS];
    Eigen::Matrix<float, UNITS, 1> x[RING];
    float h[RING][UNITS];
    size_t step = 0;
    EIGEN_MAKE_ALIGNED_OPERATOR_NEW
};

static std::vector<std::vector<float>> rows(const float *a, size_t count, size_t width)
{
    std::vector<std::vector<float>> made;
    for (size_t i = 0; i < count; i++) made.emplace_back(a + i * width, a + (i + 1) * width);
    return made;
}

extern "C" {

/* b: (gates * units) for the LSTM, (2, gates * units) for the GRU. */
void rtneural_weights(Net *net, int layer, const float *W, const float *U, const float *b)
{
    Layer &to = net->layers[layer];
    to.setWVals(rows(W, UNITS, GATES * UNITS));
    to.setUVals(rows(U, UNITS, GATES * UNITS));
#ifdef LSTM
    to.setBVals(rows(b, 1, GATES * UNITS)[0]);
#else
    to.setBVals(rows(b, 2, GATES * UNITS));
#endif
}

/* x: RING steps. */
Net *rtneural_create(const float *x)
{
    Net *net = new Net;
    for (size_t i = 0; i < RING; i++) memcpy(net->x[i].data(), x + i * UNITS, sizeof net->h[0]);
    return net;
}

const float *rtneural_outputs(const Net *net) { return net->h[0]; }

double rtneural_run(Net *net, size_t times)
{
    timespec from, to;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
    for (size_t n = 0; n < times; n++) {
        const size_t at = net->step++ % RING;
        net->layers[0].forward(net->x[at]);
        for (int k = 1; k < LAYERS; k++) net->layers[k].forward(net->layers[k - 1].outs);
        memcpy(net->h[at], net->layers[LAYERS - 1].outs.data(), sizeof net->h[0]);
    }
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
    return (double)(to.tv_sec - from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec);
}

}

/* onnx2c.c: what onnx2c wrote, as a contestant of rivals.py. The state is an output and the next step's input. */
typedef float row[1][UNITS];

void entry(const float x[1][1][UNITS], const row h[1], const row c[1], float y[1][1][1][UNITS], row h_new[1],
           row c_new[1]);

void step(const float *x, float *h);
void step(const float *x, float *h)
{
    static float state[2][2][1][1][UNITS];
    static unsigned now;
    const unsigned next = now ^ 1U;
    entry((const float(*)[1][UNITS])x, state[now][0], state[now][1], (float(*)[1][1][UNITS])h, state[next][0],
          state[next][1]);
    now = next;
}
